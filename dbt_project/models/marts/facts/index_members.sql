{{ current_facts('index_members', ref('stg_index_members')) }}
