{{ current_facts('price_bars', ref('stg_price_bars')) }}
