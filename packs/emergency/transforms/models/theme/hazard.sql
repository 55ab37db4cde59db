{{ config(unique_key='hazard_id', incremental_strategy='by_batch') }}

-- Earthquakes, landslides and fire hotspots as one event shape. Only batches that changed are read again.
with earthquakes as (
    select
        'earthquake-' || event_id as hazard_id,
        'earthquake' as kind,
        occurred_at,
        cast(null as varchar) as division,
        lon, lat,
        {{ earthquake_level('magnitude') }} as severity,
        magnitude as measure,
        place as description,
        'earthquake' as source_dataset,
        _batch
    from {{ resource('earthquake') }}
    where _batch in ({{ changed_batches('earthquake') }})
),

landslides as (
    select
        'landslide-' || event_id as hazard_id,
        'landslide' as kind,
        cast(occurred_on as timestamp) at time zone 'Asia/Shanghai' as occurred_at,
        division,
        lon, lat,
        {{ landslide_level('fatalities') }} as severity,
        cast(fatalities as double) as measure,
        description,
        'landslide' as source_dataset,
        _batch
    from {{ resource('landslide') }}
    where _batch in ({{ changed_batches('landslide') }})
),

-- A hotspot has no number of its own: the batch and the row it came in by name it for good.
fires as (
    select
        'fire-' || _batch || '-' || _row as hazard_id,
        'fire' as kind,
        (acq_date + coalesce(try_cast(substr(acq_time, 1, 2) || ':' || substr(acq_time, 3, 2) as time), time '00:00')) at time zone 'UTC' as occurred_at,
        division,
        lon, lat,
        {{ fire_level('frp') }} as severity,
        cast(frp as double) as measure,
        satellite as description,
        'fire_hotspot' as source_dataset,
        _batch
    from {{ resource('fire_hotspot') }}
    where _batch in ({{ changed_batches('fire_hotspot') }})
),

events as (
    select * from earthquakes
    union all
    select * from landslides
    union all
    select * from fires
),

-- Who reports no division is given the county whose centre is nearest, within 100 km.
centres as (
    select code, centre_lon, centre_lat from {{ ref('geography') }} where level = 3 and centre_lon is not null
),

nearest as (
    select
        events.hazard_id,
        arg_min(centres.code, {{ distance_km('events.lon', 'events.lat', 'centres.centre_lon', 'centres.centre_lat') }}) as code
    from events
    join centres
        on abs(events.lat - centres.centre_lat) < 1
        and {{ distance_km('events.lon', 'events.lat', 'centres.centre_lon', 'centres.centre_lat') }} < 100
    where events.division is null
    group by events.hazard_id
)

select
    events.hazard_id,
    events.kind,
    events.occurred_at,
    coalesce(events.division, nearest.code) as division,
    case when events.division is not null then 'reported' when nearest.code is not null then 'nearest' end as division_basis,
    events.lon,
    events.lat,
    events.severity,
    events.measure,
    events.description,
    events.source_dataset,
    events._batch
from events
left join nearest using (hazard_id)
