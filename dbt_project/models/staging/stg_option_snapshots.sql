{{ current_lake_rows('option_snapshots') }}
