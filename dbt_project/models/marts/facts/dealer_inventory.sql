{{ current_facts('dealer_inventory', ref('stg_dealer_inventory')) }}
