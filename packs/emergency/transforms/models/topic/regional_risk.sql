{{ config(unique_key='county_code') }}
{%- set reach = var('reach_km') %}
{#- Cells of a grid, in degrees: 11 km, a fifth of the longest reach; and how many rows of them that reach touches at most. #}
{%- set degrees = 0.1 %}
{%- set rows = (reach.values() | max / (111 * degrees)) | int + 1 %}

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

-- Weights as decimals: a sum is the same in whatever order it is made.
events as (
    select
        hazard.hazard_id, hazard.kind, hazard.occurred_at, hazard.lon, hazard.lat,
        cast({{ event_weight('hazard.kind', 'hazard.severity', 'hazard.measure') }} as decimal(38, 12)) as weight,
        case hazard.kind
            {%- for kind, km in reach.items() %}
            when '{{ kind }}' then {{ km }}
            {%- endfor %}
        end as reach_km,
        {{ cell('hazard.lon', degrees) }} as cell_lon, {{ cell('hazard.lat', degrees) }} as cell_lat
    from {{ ref('hazard') }} as hazard
    cross join newest
    where hazard.occurred_at >= newest.at - to_days({{ var('risk_days') }})
),

event_cells as (
    select
        reach_km, cell_lon, cell_lat, kind,
        count(*) as events, sum(weight) as weight, max(occurred_at) as latest_event_at
    from events
    group by reach_km, cell_lon, cell_lat, kind
),

placed as (
    select
        credit_code, county_code, lon, lat,
        {{ cell('lon', degrees) }} as cell_lon, {{ cell('lat', degrees) }} as cell_lat
    from enterprises
    where lon is not null and lat is not null
),

-- What is near is decided for whole cells where it can be: of two that lie within reach in all their places no distance is
-- measured, and of two that lie beyond it none either. A metre is left for rounding.
steps as (
    select
        origins.reach_km, origins.cell_lat, y.step as rows, x.step as columns,
        {{ most_km('origins.cell_lat', 'y.step', 'x.step', degrees) }} <= origins.reach_km - 0.001 as whole
    from (select distinct reach_km, cell_lat from event_cells) as origins
    cross join (select unnest(range(-{{ rows }}, {{ rows + 1 }})) as step) as y
    -- A degree of longitude is half one of latitude at 60° N; the country ends at 54°.
    cross join (select unnest(range(-{{ 2 * rows }}, {{ 2 * rows + 1 }})) as step) as x
    where {{ least_km('origins.cell_lat', 'y.step', 'x.step', degrees) }} <= origins.reach_km + 0.001
),

around as materialized (
    select
        origins.reach_km, origins.cell_lon, origins.cell_lat, steps.whole,
        taken.cell_lon as near_lon, taken.cell_lat as near_lat, taken.county_code
    from (select distinct reach_km, cell_lon, cell_lat from event_cells) as origins
    join steps on steps.reach_km = origins.reach_km and steps.cell_lat = origins.cell_lat
    join (select distinct cell_lon, cell_lat, county_code from placed) as taken
        on taken.cell_lon = origins.cell_lon + steps.columns
        and taken.cell_lat = origins.cell_lat + steps.rows
),

-- An event counts for a county as soon as one enterprise of it is near: all events of a cell at once, or one by one.
reached as materialized (
    select distinct reach_km, cell_lon, cell_lat, county_code from around where whole
),

unsure_counties as materialized (
    select around.reach_km, around.cell_lon, around.cell_lat, around.county_code, placed.lon, placed.lat
    from around
    join placed
        on placed.cell_lon = around.near_lon and placed.cell_lat = around.near_lat and placed.county_code = around.county_code
    where not exists (
        select 1 from reached
        where reached.reach_km = around.reach_km
            and reached.cell_lon = around.cell_lon
            and reached.cell_lat = around.cell_lat
            and reached.county_code = around.county_code
    )
),

measured as (
    select distinct place.county_code, events.hazard_id, events.kind, events.weight, events.occurred_at
    from unsure_counties as place
    join events
        on events.reach_km = place.reach_km
        and events.cell_lon = place.cell_lon
        and events.cell_lat = place.cell_lat
        and {{ distance_km('place.lon', 'place.lat', 'events.lon', 'events.lat') }} <= events.reach_km
),

near_events as (
    select reached.county_code, event_cells.kind, event_cells.events, event_cells.weight, event_cells.latest_event_at
    from reached
    join event_cells using (reach_km, cell_lon, cell_lat)
    union all
    select county_code, kind, 1, weight, occurred_at from measured
),

threat as (
    select
        county_code,
        cast(sum(events) filter (where kind = 'earthquake') as bigint) as earthquakes,
        cast(sum(events) filter (where kind = 'landslide') as bigint) as landslides,
        cast(sum(events) filter (where kind = 'fire') as bigint) as fire_hotspots,
        sum(weight) as weight,
        max(latest_event_at) as latest_event_at
    from near_events
    group by county_code
),

-- The same for enterprises: near any event, by their cell or measured.
sure_enterprises as materialized (
    select credit_code, county_code from placed
    where exists (select 1 from around where whole and near_lon = placed.cell_lon and near_lat = placed.cell_lat)
),

unsure_enterprises as materialized (
    select around.reach_km, around.cell_lon, around.cell_lat, placed.credit_code, placed.county_code, placed.lon, placed.lat
    from around
    join placed
        on placed.cell_lon = around.near_lon and placed.cell_lat = around.near_lat and placed.county_code = around.county_code
    where not exists (select 1 from sure_enterprises as sure where sure.credit_code = placed.credit_code)
),

exposed as (
    select county_code, count(distinct credit_code) as exposed_enterprises
    from (
        select credit_code, county_code from sure_enterprises
        union all
        select place.credit_code, place.county_code
        from unsure_enterprises as place
        join events
            on events.reach_km = place.reach_km
            and events.cell_lon = place.cell_lon
            and events.cell_lat = place.cell_lat
            and {{ distance_km('place.lon', 'place.lat', 'events.lon', 'events.lat') }} <= events.reach_km
    )
    group by county_code
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
