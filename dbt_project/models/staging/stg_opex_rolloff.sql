{{ current_lake_rows('opex_rolloff') }}
