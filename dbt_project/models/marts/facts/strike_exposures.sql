{{ current_facts('strike_exposures', ref('stg_strike_exposures')) }}
