{{ current_facts('fails_to_deliver', ref('stg_fails_to_deliver')) }}
