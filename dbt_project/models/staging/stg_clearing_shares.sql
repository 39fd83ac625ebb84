{{ current_lake_rows('clearing_shares') }}
