{{ current_lake_rows('exposure_summary') }}
