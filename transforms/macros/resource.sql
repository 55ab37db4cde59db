{# A table of the resource library. One that no delivery has made yet stands as an empty table of its contract's types,
   so that models run from the first day. #}
{% macro resource(dataset) -%}
    {%- set relation = source('resource', dataset) -%}
    {%- if not execute or model.resource_type == 'unit_test' or relation.is_cte -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- if load_relation(relation) is not none -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set found = graph.sources.values() | selectattr('source_name', 'equalto', 'resource') | selectattr('name', 'equalto', dataset) | list -%}
    {%- set columns = [] -%}
    {%- for column in found[0].columns.values() -%}
        {%- do columns.append('cast(null as ' ~ column.data_type ~ ') as "' ~ column.name ~ '"') -%}
    {%- endfor -%}
    {{ return('(select ' ~ columns | join(', ') ~ ' where false)') }}
{%- endmacro %}
