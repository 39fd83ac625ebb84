{{ current_facts('open_close_volume', ref('stg_open_close_volume')) }}
