{# Named sums survive aggregation: the parts, added up, give the totals.
   The tolerance is relative to the sum of absolute parts, as opposite signs cancel. #}
{% test sums_match(model, parts, group_by, sums, where_parts="true", where_totals="true", tolerance=1e-9) %}
with

totals as (
    select * from {{ model }} where {{ where_totals }}
),

parts as (
    select
        {{ group_by | join(', ') }}
        {%- for name in sums %},
        coalesce(sum({{ name }}), 0) as {{ name }},
        coalesce(sum(abs({{ name }})), 0) as {{ name }}_gross
        {%- endfor %}
    from {{ parts }}
    where {{ where_parts }}
    group by {{ group_by | join(', ') }}
)

select
    {{ group_by | join(', ') }}
    {%- for name in sums %},
    totals.{{ name }} as total_{{ name }},
    parts.{{ name }} as parts_{{ name }}
    {%- endfor %}
from totals
full join parts using ({{ group_by | join(', ') }})
where
    {%- for name in sums %}
    {{ 'or ' if not loop.first }}abs(coalesce(totals.{{ name }}, 0) - coalesce(parts.{{ name }}, 0))
        > {{ tolerance }} * coalesce(parts.{{ name }}_gross, 0)
    {%- endfor %}
{% endtest %}
