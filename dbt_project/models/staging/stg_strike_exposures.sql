{{ current_lake_rows('strike_exposures') }}
