{{ current_lake_rows('treasury_zero_curve') }}
