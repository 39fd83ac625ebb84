{{ current_facts('snapshot_quality', ref('stg_snapshot_quality')) }}
