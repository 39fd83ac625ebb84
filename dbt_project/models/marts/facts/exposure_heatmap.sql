{{ current_facts(ref('stg_exposure_heatmap')) }}
