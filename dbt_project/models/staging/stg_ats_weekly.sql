{{ current_lake_rows('ats_weekly') }}
