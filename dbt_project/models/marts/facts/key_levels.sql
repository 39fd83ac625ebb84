{{ current_facts(ref('stg_key_levels')) }}
