{{ current_lake_rows('price_bars') }}
