{{ current_facts('exposure_heatmap', ref('stg_exposure_heatmap')) }}
