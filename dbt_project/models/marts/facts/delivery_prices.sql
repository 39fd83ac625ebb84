{{ current_facts('delivery_prices', ref('stg_delivery_prices')) }}
