{# Four levels of an event, 1 gravest, from the national response plans (国家突发事件总体应急预案 and its plans by kind). #}

{# 国家地震应急预案 (2012), 2.1: magnitude 7, 6, 5 in populated areas; below: general. #}
{% macro earthquake_level(magnitude) -%}
    case when {{ magnitude }} >= 7 then 1 when {{ magnitude }} >= 6 then 2 when {{ magnitude }} >= 5 then 3 else 4 end
{%- endmacro %}

{# 国家突发地质灾害应急预案, 3: 30, 10, 3 dead. #}
{% macro landslide_level(fatalities) -%}
    case when {{ fatalities }} >= 30 then 1 when {{ fatalities }} >= 10 then 2 when {{ fatalities }} >= 3 then 3 else 4 end
{%- endmacro %}

{# A satellite sees heat, not a fire's damage: our own steps of radiative power in MW, never the gravest level. #}
{% macro fire_level(frp) -%}
    case when {{ frp }} >= 500 then 2 when {{ frp }} >= 100 then 3 else 4 end
{%- endmacro %}
