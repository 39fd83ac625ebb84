{{ current_facts('option_snapshots', ref('stg_option_snapshots')) }}
