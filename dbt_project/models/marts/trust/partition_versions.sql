{{ declared_columns(ref('stg_partition_versions')) }}
