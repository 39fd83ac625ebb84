{{ declared_columns(ref('stg_gap_ledger')) }}
