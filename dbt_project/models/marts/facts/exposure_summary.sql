{{ current_facts(ref('stg_exposure_summary')) }}
