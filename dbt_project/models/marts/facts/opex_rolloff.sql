{{ current_facts(ref('stg_opex_rolloff')) }}
