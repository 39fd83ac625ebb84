{{ current_lake_rows('short_interest') }}
