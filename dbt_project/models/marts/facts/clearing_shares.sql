{{ current_facts('clearing_shares', ref('stg_clearing_shares')) }}
