{# A model's schema is its library, the folder that it stands in: theme, topic; nothing is put before it. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ node.fqn[1] if node.fqn[1] in ('theme', 'topic') else target.schema }}
{%- endmacro %}
