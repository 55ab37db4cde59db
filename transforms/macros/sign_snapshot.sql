{# Ties the lake snapshot that a model's transaction makes to the run that made it. Outside a transaction it would be lost. #}
{% macro sign_snapshot() -%}
    {%- set told = {'model': model.schema ~ '.' ~ model.name, 'run_id': var('hui_run_id'), 'invocation_id': invocation_id} -%}
    call {{ target.database }}.set_commit_message('hub models', 'model {{ model.schema }}.{{ model.name }}', extra_info => '{{ tojson(told) }}')
{%- endmacro %}
