{{ current_facts(ref('stg_gamma_profile')) }}
