{{ current_lake_rows('dealer_inventory') }}
