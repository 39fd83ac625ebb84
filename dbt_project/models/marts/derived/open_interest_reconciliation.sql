{{ declared_columns(ref('int_open_interest_reconciliation')) }}
order by session_date, underlying
