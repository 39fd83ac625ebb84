{{ current_facts('cleared_volume', ref('stg_cleared_volume')) }}
