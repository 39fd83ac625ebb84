{{ current_facts('short_volume_daily', ref('stg_short_volume_daily')) }}
