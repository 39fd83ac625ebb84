{{ declared_columns(ref('stg_load_ledger')) }}
