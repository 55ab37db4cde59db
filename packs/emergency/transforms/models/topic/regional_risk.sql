{{ config(unique_key='county_code') }}
{%- set reach = var('reach_km') %}

-- Hazards around enterprises by county: how likely (events near), how grave (what stands there), one of four colours.
with counties as (
    select code as county_code, name as county_name, full_name from {{ ref('geography') }} where level = 3
),

enterprises as (
    select credit_code, county_code, lon, lat, major_hazards, gravest_hazard_level from {{ ref('enterprise') }}
),

newest as (
    select max(occurred_at) as at from {{ ref('hazard') }}
),

events as (
    select
        hazard.hazard_id, hazard.kind, hazard.occurred_at, hazard.lon, hazard.lat,
        {{ event_weight('hazard.kind', 'hazard.severity', 'hazard.measure') }} as weight,
        case hazard.kind
            {%- for kind, km in reach.items() %}
            when '{{ kind }}' then {{ km }}
            {%- endfor %}
        end as reach_km
    from {{ ref('hazard') }} as hazard
    cross join newest
    where hazard.occurred_at >= newest.at - to_days({{ var('risk_days') }})
),

-- Neighbours are found on a grid, the distance measured after: one of 0.1 degrees for a reach up to 6 km, one of 1 degree for
-- up to 60 km. A degree of longitude is 65 km at 54° N, the north end of the country.
grids as (
    select unnest([0.1, 1.0]) as size
),

steps as (
    select unnest([-1, 0, 1]) as step
),

placed as (
    select
        enterprises.credit_code, enterprises.county_code, enterprises.lon, enterprises.lat, grids.size,
        {{ cell('enterprises.lon', 'grids.size') }} as cell_lon, {{ cell('enterprises.lat', 'grids.size') }} as cell_lat
    from enterprises
    cross join grids
    where enterprises.lon is not null and enterprises.lat is not null
),

around as (
    select
        events.*, grids.size,
        {{ cell('events.lon', 'grids.size') }} + x.step as near_lon, {{ cell('events.lat', 'grids.size') }} + y.step as near_lat
    from events
    join grids on grids.size = case when events.reach_km <= 6 then 0.1 else 1.0 end
    cross join steps as x
    cross join steps as y
),

near as (
    select distinct placed.county_code, placed.credit_code, around.hazard_id, around.kind, around.weight, around.occurred_at
    from around
    join placed
        on placed.size = around.size
        and placed.cell_lon = around.near_lon
        and placed.cell_lat = around.near_lat
        and abs(placed.lat - around.lat) * 111 <= around.reach_km
        and {{ distance_km('placed.lon', 'placed.lat', 'around.lon', 'around.lat') }} <= around.reach_km
),

near_events as (
    select distinct county_code, hazard_id, kind, weight, occurred_at from near
),

threat as (
    select
        county_code,
        count(*) filter (where kind = 'earthquake') as earthquakes,
        count(*) filter (where kind = 'landslide') as landslides,
        count(*) filter (where kind = 'fire') as fire_hotspots,
        sum(weight) as weight,
        max(occurred_at) as latest_event_at
    from near_events
    group by county_code
),

exposed as (
    select county_code, count(distinct credit_code) as exposed_enterprises from near group by county_code
),

standing as (
    select
        county_code,
        count(*) as enterprises,
        sum(major_hazards) as major_hazards,
        min(gravest_hazard_level) as gravest_hazard_level
    from enterprises
    group by county_code
),

scored as (
    select
        counties.county_code,
        counties.county_name,
        counties.full_name,
        coalesce(standing.enterprises, 0) as enterprises,
        coalesce(exposed.exposed_enterprises, 0) as exposed_enterprises,
        cast(coalesce(standing.major_hazards, 0) as bigint) as major_hazards,
        standing.gravest_hazard_level,
        coalesce(threat.earthquakes, 0) as earthquakes,
        coalesce(threat.landslides, 0) as landslides,
        coalesce(threat.fire_hotspots, 0) as fire_hotspots,
        threat.latest_event_at,
        {{ likelihood_class('coalesce(threat.weight, 0)') }} as likelihood,
        {{ consequence_class('standing.gravest_hazard_level', 'coalesce(standing.major_hazards, 0)', 'coalesce(standing.enterprises, 0)') }}
            as consequence
    from counties
    left join standing using (county_code)
    left join exposed using (county_code)
    left join threat using (county_code)
)

select
    county_code,
    county_name,
    full_name,
    enterprises,
    exposed_enterprises,
    major_hazards,
    gravest_hazard_level,
    earthquakes,
    landslides,
    fire_hotspots,
    latest_event_at,
    likelihood,
    consequence,
    likelihood * consequence as score,
    {{ risk_colour('likelihood * consequence') }} as colour
from scored
