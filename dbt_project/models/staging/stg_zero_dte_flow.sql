{{ current_lake_rows('zero_dte_flow') }}
