{{ config(unique_key='code') }}

-- The tree of administrative divisions; every code with its names from the province down.
with recursive divisions as (
    select code, name, level, parent_code from {{ resource('division') }}
),

tree as (
    select
        root.code, root.name, root.level, root.parent_code, root.name as full_name,
        cast(case when root.level = 1 then root.code end as varchar) as province_code,
        cast(case when root.level = 2 then root.code end as varchar) as city_code,
        cast(case when root.level = 3 then root.code end as varchar) as county_code
    from divisions as root
    where root.parent_code is null
        or root.parent_code = ''
        or not exists (select 1 from divisions as parent where parent.code = root.parent_code)
    union all
    select
        child.code, child.name, child.level, child.parent_code, tree.full_name || child.name,
        coalesce(tree.province_code, case when child.level = 1 then child.code end),
        coalesce(tree.city_code, case when child.level = 2 then child.code end),
        coalesce(tree.county_code, case when child.level = 3 then child.code end)
    from divisions as child
    join tree on child.parent_code = tree.code
),

-- Where people work in it: the middle of the registered places, not of the area.
places as (
    select division, lon, lat from {{ resource('enterprise_registration') }} where lon is not null and lat is not null
),

lengths as (
    select distinct length(code) as digits from tree
),

centres as (
    select left(places.division, lengths.digits) as code, median(places.lon) as centre_lon, median(places.lat) as centre_lat
    from places
    join lengths on length(places.division) >= lengths.digits
    group by 1
)

select
    tree.code,
    tree.name,
    cast(tree.level as integer) as level,
    tree.parent_code,
    tree.full_name,
    tree.province_code,
    tree.city_code,
    tree.county_code,
    centres.centre_lon,
    centres.centre_lat
from tree
left join centres using (code)
