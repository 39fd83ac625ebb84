{{ current_lake_rows('key_levels') }}
