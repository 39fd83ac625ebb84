{{ current_facts('zero_dte_flow', ref('stg_zero_dte_flow')) }}
