{{ current_facts(ref('stg_quarantine')) }}
