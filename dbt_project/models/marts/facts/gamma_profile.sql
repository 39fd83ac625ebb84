{{ current_facts('gamma_profile', ref('stg_gamma_profile')) }}
