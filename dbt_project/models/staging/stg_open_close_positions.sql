{{ current_lake_rows('open_close_positions') }}
