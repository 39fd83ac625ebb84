{{ current_facts('key_levels', ref('stg_key_levels')) }}
