{{ current_facts('treasury_zero_curve', ref('stg_treasury_zero_curve')) }}
