{# Great-circle distance in kilometres (haversine, mean radius 6371.0088 km). #}
{% macro distance_km(lon1, lat1, lon2, lat2) -%}
    {{ haversine_km(lat2 ~ ' - ' ~ lat1, 'cos(radians(' ~ lat1 ~ '))', 'cos(radians(' ~ lat2 ~ '))', lon2 ~ ' - ' ~ lon1) }}
{%- endmacro %}

{# The same from what two places differ by, in degrees, and the cosines of their latitudes. #}
{% macro haversine_km(north, cosine1, cosine2, east) -%}
    (2 * 6371.0088 * asin(least(1.0, sqrt(
        pow(sin(radians({{ north }}) / 2), 2) + {{ cosine1 }} * {{ cosine2 }} * pow(sin(radians({{ east }}) / 2), 2)
    ))))
{%- endmacro %}

{# Number of the grid row or column of a coordinate: cells are compared first, the places in them after. #}
{% macro cell(coordinate, degrees) -%}
    cast(floor({{ coordinate }} / {{ degrees }}) as integer)
{%- endmacro %}

{# How far a place in a cell of this row, and one in the cell so many rows and columns further, are apart at least and at most. It
   grows with all four that it is reckoned from; a cosine is greatest at the edge nearest the equator. #}
{% macro least_km(row, rows, columns, degrees) -%}
    {{ haversine_km(
        'greatest(abs(' ~ rows ~ ') - 1, 0) * ' ~ degrees,
        edge_cosine('greatest', row, degrees), edge_cosine('greatest', row ~ ' + ' ~ rows, degrees),
        'greatest(abs(' ~ columns ~ ') - 1, 0) * ' ~ degrees
    ) }}
{%- endmacro %}

{% macro most_km(row, rows, columns, degrees) -%}
    {{ haversine_km(
        '(abs(' ~ rows ~ ') + 1) * ' ~ degrees,
        edge_cosine('least', row, degrees), edge_cosine('least', row ~ ' + ' ~ rows, degrees),
        '(abs(' ~ columns ~ ') + 1) * ' ~ degrees
    ) }}
{%- endmacro %}

{% macro edge_cosine(choice, row, degrees) -%}
    cos(radians({{ choice }}(abs({{ row }}), abs({{ row }} + 1)) * {{ degrees }}))
{%- endmacro %}
