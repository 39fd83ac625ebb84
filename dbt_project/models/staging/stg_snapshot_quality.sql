{{ current_lake_rows('snapshot_quality') }}
