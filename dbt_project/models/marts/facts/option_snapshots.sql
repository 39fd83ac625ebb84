{{ current_facts(ref('stg_option_snapshots')) }}
