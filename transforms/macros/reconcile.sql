{# Incremental strategy "reconcile": afterwards the table equals the query, and only rows that differ were written.
   The table keeps its identity, its history stays readable, and a run that changes nothing leaves no files. #}
{% macro get_incremental_reconcile_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set wanted = arg_dict['temp_relation'] -%}
    {%- set key = arg_dict['unique_key'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    create or replace temporary table hui_gone as
        select distinct {{ key }} from (select {{ columns }} from {{ target }} except all select {{ columns }} from {{ wanted }});
    delete from {{ target }} using hui_gone where {{ target }}.{{ key }} = hui_gone.{{ key }};
    insert into {{ target }} ({{ columns }})
        select {{ columns }} from {{ wanted }} as wanted
        where not exists (select 1 from {{ target }} as held where held.{{ key }} = wanted.{{ key }})
{% endmacro %}
