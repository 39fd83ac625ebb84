{{ declared_columns(ref('stg_method_versions')) }}
