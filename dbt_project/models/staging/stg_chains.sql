{{ current_lake_rows('chains') }}
