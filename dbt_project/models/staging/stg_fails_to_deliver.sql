{{ current_lake_rows('fails_to_deliver') }}
