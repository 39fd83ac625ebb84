{# A number is missing exactly where a status beside it says why. #}
{% test null_only_with_status(model, column_name, status, missing_when) %}
select {{ column_name }}, {{ status }}
from {{ model }}
where ({{ column_name }} is null) <> ({{ status }} is null or {{ status }} in ('{{ missing_when | join("', '") }}'))
{% endtest %}
