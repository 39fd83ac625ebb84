{{ current_facts(
    'exposure_heatmap', ref('stg_exposure_heatmap'), then_by=['dealer_model', 'scope', 'snapshot_ts', 'strike']
) }}
