{{ current_lake_rows('expiry_surface') }}
