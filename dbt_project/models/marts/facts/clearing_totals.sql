{{ current_facts('clearing_totals', ref('stg_clearing_totals')) }}
