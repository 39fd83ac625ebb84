{# A layer's schema is named as it is, without the target's name before it: marts must lie in `main`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
