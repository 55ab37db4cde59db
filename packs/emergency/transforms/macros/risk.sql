{# Risk matrix (GB/T 27921-2023, risk matrix): likelihood 1 to 4 by consequence 1 to 4, read as four colours
   (国务院安委办 [2016] 11 号: 红 重大, 橙 较大, 黄 一般, 蓝 低). Steps are the hub's own and stand here only. #}

{# What one event weighs: an earthquake of magnitude 4 or a general landslide 1, one step graver twice as much. A hotspot is one
   look of one satellite at a fire that others see too: a hundred weigh as one event. #}
{% macro event_weight(kind, severity, measure) -%}
    case {{ kind }}
        when 'earthquake' then pow(2, coalesce({{ measure }}, 4) - 4)
        when 'fire' then 0.01 * pow(2, 4 - {{ severity }})
        else pow(2, 4 - {{ severity }})
    end
{%- endmacro %}

{# From the weight of the last year's events within reach of an enterprise. #}
{% macro likelihood_class(weight) -%}
    case when {{ weight }} >= 100 then 4 when {{ weight }} >= 20 then 3 when {{ weight }} >= 2 then 2 else 1 end
{%- endmacro %}

{% macro consequence_class(gravest_hazard_level, major_hazards, enterprises) -%}
    case
        when {{ gravest_hazard_level }} = 1 then 4
        when {{ gravest_hazard_level }} = 2 or {{ major_hazards }} >= 20 then 3
        when {{ major_hazards }} > 0 or {{ enterprises }} >= 500 then 2
        else 1
    end
{%- endmacro %}

{% macro risk_colour(score) -%}
    case when {{ score }} >= 12 then '红' when {{ score }} >= 8 then '橙' when {{ score }} >= 4 then '黄' else '蓝' end
{%- endmacro %}
