{{ current_facts('expiry_surface', ref('stg_expiry_surface')) }}
