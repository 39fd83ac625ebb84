{{ current_lake_rows('index_members') }}
