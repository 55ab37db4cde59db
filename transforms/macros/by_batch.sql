{# For models that grow: which batches of a source are not, or no longer, in the model as they are in the source.
   Counting rows by batch reads one column. It sees new batches, corrections, undone batches and removed keys; rows that were made
   anew in as many (a rebuild by a newer contract) are of a later snapshot of the lake than all that the model holds. #}
{% macro changed_batches(dataset) -%}
    {%- set relation = resource(dataset) -%}
    {%- set made = 'max(snapshot_id)' if is_incremental() and relation is not string and not relation.is_cte else '0' -%}
    select _batch from (
        select _batch, count(*) as there, 0 as here, {{ made }} as made from {{ relation }} group by _batch
        {% if is_incremental() -%}
        union all
        select _batch, 0, count(*), 0 from {{ this }} where source_dataset = '{{ dataset }}' group by _batch
        {%- endif %}
    ) group by _batch having sum(there) <> sum(here)
    {%- if is_incremental() %} or max(made) > (select coalesce(max(snapshot_id), 0) from {{ this }}){% endif %}
{%- endmacro %}

{# Incremental strategy "by_batch": the query holds the rows of changed batches only; whatever the table held of these
   batches, or under the same keys, gives way to them. #}
{% macro get_incremental_by_batch_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set wanted = arg_dict['temp_relation'] -%}
    {%- set key = arg_dict['unique_key'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    create or replace temporary table hui_gone as
        select {{ key }} from {{ wanted }}
        {% for dataset in config.get('meta').get('sources') -%}
        union
        select {{ key }} from {{ target }} as held
        join ({{ changed_batches(dataset) }}) as changed using (_batch)
        where held.source_dataset = '{{ dataset }}'
        {% endfor -%};
    delete from {{ target }} using hui_gone where {{ target }}.{{ key }} = hui_gone.{{ key }};
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ wanted }}
{% endmacro %}
