{# Of every partition exactly one version is current: the highest among those with the greatest known_at. #}
{% test one_current_version(model) %}
with

ranked as (
    select
        *,
        row_number() over (
            partition by table_name, market, session_date, part order by known_at desc, v desc
        ) = 1 as is_greatest
    from {{ model }}
)

select * from ranked where is_current <> is_greatest
{% endtest %}
