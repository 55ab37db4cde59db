{{ config(unique_key='credit_code') }}

-- One enterprise from four resources: registration, major hazards, dangerous-goods vehicles, electricity. No personal items.
with registered as (
    select * from {{ resource('enterprise_registration') }}
),

hazards as (
    select
        credit_code,
        count(*) as major_hazards,
        min(try_cast(level as integer)) as gravest_hazard_level,
        sum(sensor_count) as sensors
    from {{ resource('major_hazard') }}
    where credit_code is not null
    group by credit_code
),

vehicles as (
    select credit_code, count(*) as hazmat_vehicles
    from {{ resource('hazmat_vehicle') }}
    where credit_code is not null
    group by credit_code
),

power as (
    select
        credit_code,
        max(day) as power_last_day,
        arg_max(operating, day) as operating,
        sum(kwh) as power_kwh,
        count(*) filter (where abnormal) as power_abnormal_days
    from {{ resource('enterprise_power') }}
    group by credit_code
),

divisions as (
    select code, county_code, full_name from {{ ref('geography') }}
)

select
    registered.credit_code,
    registered.name,
    registered.division,
    coalesce(divisions.county_code, left(registered.division, 6)) as county_code,
    divisions.full_name as division_name,
    registered.address,
    registered.industry_code,
    registered.established_on,
    cast(registered.capital as double) as capital,
    registered.lon,
    registered.lat,
    registered.status,
    -- The register does not know whether an enterprise works today; bought data fills this gap and keeps its origin.
    coalesce(power.operating, case when registered.status in ('停业', '吊销', '注销') then '停产' end) as operating,
    case
        when power.operating is not null then 'enterprise_power'
        when registered.status in ('停业', '吊销', '注销') then 'enterprise_registration'
    end as operating_origin,
    coalesce(hazards.major_hazards, 0) as major_hazards,
    hazards.gravest_hazard_level,
    cast(coalesce(hazards.sensors, 0) as bigint) as sensors,
    coalesce(vehicles.hazmat_vehicles, 0) as hazmat_vehicles,
    power.power_last_day,
    cast(power.power_kwh as double) as power_kwh,
    coalesce(power.power_abnormal_days, 0) as power_abnormal_days,
    registered.updated_on
from registered
left join hazards using (credit_code)
left join vehicles using (credit_code)
left join power using (credit_code)
left join divisions on divisions.code = registered.division
