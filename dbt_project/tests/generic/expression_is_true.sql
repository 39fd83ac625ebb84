{# An identity within a row. Null is legal: what is unknown breaks nothing. #}
{% test expression_is_true(model, expression, where_rows="true") %}
select *
from {{ model }}
where ({{ where_rows }}) and not ({{ expression }})
{% endtest %}
