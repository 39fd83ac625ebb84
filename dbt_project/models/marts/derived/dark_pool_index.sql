{{ declared_columns(ref('int_dark_pool_index')) }}
order by session_date, kind, vendor_symbol
