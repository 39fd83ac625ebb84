{{ current_facts('quarantine', ref('stg_quarantine')) }}
