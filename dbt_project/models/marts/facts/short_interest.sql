{{ current_facts('short_interest', ref('stg_short_interest')) }}
