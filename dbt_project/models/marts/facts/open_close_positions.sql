{{ current_facts('open_close_positions', ref('stg_open_close_positions')) }}
