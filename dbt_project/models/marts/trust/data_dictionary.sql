{{ declared_columns(ref('stg_data_dictionary')) }}
