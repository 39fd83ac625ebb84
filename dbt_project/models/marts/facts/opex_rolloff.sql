{{ current_facts('opex_rolloff', ref('stg_opex_rolloff')) }}
