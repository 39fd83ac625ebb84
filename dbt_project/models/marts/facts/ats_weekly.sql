{{ current_facts('ats_weekly', ref('stg_ats_weekly')) }}
