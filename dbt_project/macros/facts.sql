{# A fact mart holds the current version of every partition. What it holds is read off its own rows (`v`), so the
   record can never differ from the rows; a version without rows is held by holding none. Rows lie in the order in which
   they are asked for: `then_by` within a partition. #}
{% macro current_facts(table_name, staged, then_by=[]) %}
{%- set versions = ref('stg_partition_versions') -%}
with

staged as (
    select * from {{ staged }}
)

{%- if is_incremental() %},

held_versions as (
    select distinct market, session_date, part, v from {{ this }}
),

missing_files as (
    select versions.lake_file
    from {{ versions }} as versions
    anti join held_versions using (market, session_date, part, v)
    where versions.table_name = '{{ table_name }}' and versions.is_current
)
{%- endif %}

select * exclude (lake_file)
from staged
{%- if is_incremental() %}
where lake_file in (select lake_file from missing_files)
{%- endif %}
order by {{ (['session_date', 'part'] + then_by) | join(', ') }}
{% endmacro %}


{# Runs before the insert, so that a new current version without rows removes the old rows too. #}
{% macro delete_superseded_versions() %}
{%- if is_incremental() %}
delete from {{ this }} as held
where not exists (
    select 1
    from {{ ref('stg_partition_versions') }} as versions
    where
        versions.table_name = '{{ this.identifier }}'
        and versions.is_current
        and versions.market = held.market
        and versions.session_date = held.session_date
        and versions.part = held.part
        and versions.v = held.v
)
{%- endif %}
{% endmacro %}
