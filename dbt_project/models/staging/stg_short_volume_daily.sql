{{ current_lake_rows('short_volume_daily') }}
