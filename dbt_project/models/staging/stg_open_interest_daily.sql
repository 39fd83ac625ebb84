{{ current_lake_rows('open_interest_daily') }}
