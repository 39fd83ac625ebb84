{{ current_lake_rows('cleared_volume') }}
