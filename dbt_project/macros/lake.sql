{% macro current_lake_rows(table_name) %}
{{ lake_rows(table_name, 'is_current') }}
{% endmacro %}


{# Rows of those versions of a lake table for which a condition on the catalogue holds, in the model's declared columns
   and types.

   An empty template file stands before the lake's own files: it gives columns that old partitions lack, and the
   right columns where the lake has no file at all. #}
{% macro lake_rows(table_name, condition) %}
{%- set lake = env_var('DEALERFLOW_LAKE') | replace("'", "''") -%}
{%- set templates = env_var('DEALERFLOW_TEMPLATES') | replace("'", "''") -%}
{%- set files = lake ~ '/' ~ table_name ~ '/market=*/session_date=*/part=*/v=*.parquet' -%}
{%- set patterns = [templates ~ '/' ~ table_name ~ '/market=_/session_date=1970-01-01/part=_/v=0.parquet'] -%}
{%- if execute and run_query("select 1 from glob('" ~ files ~ "') limit 1") | length > 0 -%}
    {%- do patterns.append(files) -%}
{%- endif -%}
with

lake_files as (
    select *
    from read_parquet(
        ['{{ patterns | join("', '") }}'],
        filename = true,
        hive_partitioning = true,
        hive_types = {'market': varchar, 'session_date': date, 'part': varchar},
        union_by_name = true
    )
),

wanted_versions as (
    select
        lake_file,
        v
    from {{ ref('stg_partition_versions') }}
    where table_name = '{{ table_name }}' and {{ condition }}
),

wanted_rows as (
    select
        lake_files.filename as lake_file
        {%- for column in model.columns.values() if column.name != 'lake_file' %},
        cast({{ 'wanted_versions' if column.name == 'v' else 'lake_files' }}.{{ column.name }} as {{ column.data_type }}) as {{ column.name }}
        {%- endfor %}
    from lake_files
    -- The join on the file's own name is what lets DuckDB skip the files of all other versions.
    inner join wanted_versions on lake_files.filename = wanted_versions.lake_file
)

select * from wanted_rows
{% endmacro %}


{# Rows of a table that the catalogue exports whole. #}
{% macro catalogue_rows(table_name) %}
{%- set exports = env_var('DEALERFLOW_EXPORTS') | replace("'", "''") -%}
select
    {%- for column in model.columns.values() if column.name != 'lake_file' %}
    cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
from read_parquet('{{ exports }}/{{ table_name }}.parquet')
{% endmacro %}


{# The declared columns in their declared order. #}
{% macro declared_columns(relation) %}
select
    {%- for column in model.columns.values() %}
    {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ relation }}
{% endmacro %}
