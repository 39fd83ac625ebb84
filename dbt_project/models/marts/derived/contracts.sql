{{ declared_columns(ref('int_contracts')) }}
