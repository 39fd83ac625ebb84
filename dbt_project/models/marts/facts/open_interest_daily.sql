{{ current_facts('open_interest_daily', ref('stg_open_interest_daily')) }}
