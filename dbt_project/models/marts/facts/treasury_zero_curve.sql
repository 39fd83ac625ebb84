{{ current_facts(ref('stg_treasury_zero_curve')) }}
