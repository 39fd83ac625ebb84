{{ current_lake_rows('premium_flow') }}
