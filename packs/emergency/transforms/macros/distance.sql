{# Great-circle distance in kilometres (haversine, mean radius 6371.0088 km). #}
{% macro distance_km(lon1, lat1, lon2, lat2) -%}
    (2 * 6371.0088 * asin(least(1.0, sqrt(
        pow(sin(radians({{ lat2 }} - {{ lat1 }}) / 2), 2)
        + cos(radians({{ lat1 }})) * cos(radians({{ lat2 }})) * pow(sin(radians({{ lon2 }} - {{ lon1 }}) / 2), 2)
    ))))
{%- endmacro %}

{# Number of the grid row or column of a coordinate: a join on neighbouring cells first, the distance after. #}
{% macro cell(coordinate, degrees) -%}
    cast(floor({{ coordinate }} / {{ degrees }}) as integer)
{%- endmacro %}
