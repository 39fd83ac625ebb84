{{ current_facts(ref('stg_snapshot_quality')) }}
