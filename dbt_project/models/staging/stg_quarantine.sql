{{ current_lake_rows('quarantine') }}
