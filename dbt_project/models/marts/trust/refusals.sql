{{ declared_columns(ref('stg_refusals')) }}
