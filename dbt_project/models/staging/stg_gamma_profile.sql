{{ current_lake_rows('gamma_profile') }}
