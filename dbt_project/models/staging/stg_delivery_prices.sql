{{ current_lake_rows('delivery_prices') }}
