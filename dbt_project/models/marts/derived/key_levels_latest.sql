{{ declared_columns(ref('int_newest_key_levels')) }}
