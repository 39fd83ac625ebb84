{{ current_facts('premium_flow', ref('stg_premium_flow')) }}
