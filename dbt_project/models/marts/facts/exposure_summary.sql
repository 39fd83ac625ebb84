{{ current_facts('exposure_summary', ref('stg_exposure_summary')) }}
