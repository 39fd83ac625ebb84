{# A fact mart holds exactly the rows of the current version of every partition. #}
{% test holds_current_versions(model) %}
with

held as (
    select market, session_date, part, v, count(*) as row_count
    from {{ model }}
    group by market, session_date, part, v
),

current_versions as (
    select market, session_date, part, v, row_count
    from {{ ref('partition_versions') }}
    where table_name = '{{ model.identifier }}' and is_current and row_count > 0
)

select *
from held
full join current_versions using (market, session_date, part, v)
where held.row_count is distinct from current_versions.row_count
{% endtest %}
