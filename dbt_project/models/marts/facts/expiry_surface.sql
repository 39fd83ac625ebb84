{{ current_facts(ref('stg_expiry_surface')) }}
