{{ declared_columns(ref('stg_default_models')) }}
