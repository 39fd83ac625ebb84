{{ current_facts(ref('stg_strike_exposures')) }}
