"""The demo's enterprises: number i is always the same one, whoever writes about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from contracts.checks.formats.credit_code import ALPHABET, check_character
from demo.places import position
from demo.plan import Plan, serial

BRANDS = (
    "松江",
    "龙化",
    "北方",
    "兴安",
    "三江",
    "嫩江",
    "牡丹",
    "瑞丰",
    "恒源",
    "金源",
    "华泰",
    "鑫达",
    "宏业",
    "天顺",
    "永盛",
    "黑土",
    "林海",
    "雪原",
    "东辉",
    "百川",
    "中盛",
    "启航",
    "安泰",
    "博远",
)
TRADES = {
    "化工": "2614",
    "精细化工": "2662",
    "化肥": "2621",
    "燃气": "4511",
    "石油销售": "5162",
    "粮食储备": "5951",
    "矿业": "0610",
    "冶金": "3110",
    "制药": "2710",
    "食品": "1391",
    "木业": "2011",
    "农业": "0111",
    "物流": "5431",
    "热电": "4412",
}
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
GIVEN = (
    "国强",
    "建国",
    "丽华",
    "志伟",
    "秀英",
    "海涛",
    "晓东",
    "玉兰",
    "立新",
    "永刚",
    "春梅",
    "文博",
    "明辉",
    "雪梅",
    "宏伟",
    "佳琪",
    "子轩",
    "凤霞",
    "长江",
    "振东",
    "淑珍",
    "德胜",
)
ROADS = (
    "中山路",
    "红旗大街",
    "解放路",
    "西大直街",
    "和平街",
    "长江路",
    "通江街",
    "新华街",
    "学府路",
    "龙江路",
    "建设街",
    "友谊路",
)
STATUSES = ("存续",) * 17 + ("停业", "注销", "迁出")


@dataclass(frozen=True, slots=True)
class Enterprise:
    """One enterprise as the registration knows it."""

    index: int
    credit_code: str
    name: str
    division: str
    address: str
    industry_code: str
    legal_person: str
    phone: str
    established_on: date
    status: str
    capital: float
    lon: float
    lat: float
    updated_on: date


def credit_code(plan: Plan, index: int, county: str = "") -> str:
    """The valid unified social credit code of enterprise `index` (GB 32100-2015)."""
    county = county or plan.places.weighted[serial(index, plan.seed, len(plan.places.weighted))].code
    number, tail = serial(index, plan.seed, 31**6), ""
    for _ in range(6):
        number, digit = divmod(number, 31)
        tail = ALPHABET[digit] + tail
    first = f"91{county}MA1{tail}"
    return first + check_character(first)


def person(number: int) -> str:
    """A name that many people bear."""
    return SURNAMES[number % len(SURNAMES)] + GIVEN[(number // len(SURNAMES)) % len(GIVEN)]


def mobile(number: int) -> str:
    """An invented mobile number."""
    return f"13{number % 1_000_000_000:09d}"


def enterprise(plan: Plan, index: int) -> Enterprise:
    """Enterprise number `index` of the demo."""
    dice = plan.dice("enterprise", index)
    county = plan.places.weighted[serial(index, plan.seed, len(plan.places.weighted))]
    city = plan.places.name(county.parent)
    trade = dice.choice(tuple(TRADES))
    lon, lat = position(county.code, dice.random())
    established = plan.today - timedelta(days=dice.randrange(400, 11_000))
    return Enterprise(
        index,
        credit_code(plan, index, county.code),
        f"{city.removesuffix('市').removesuffix('地区')}{dice.choice(BRANDS)}{dice.choice(BRANDS)}{trade}有限公司",
        county.code,
        f"{city}{county.name}{dice.choice(ROADS)} {dice.randrange(1, 600)} 号",
        TRADES[trade],
        person(dice.randrange(10**6)),
        mobile(dice.randrange(10**9)),
        established,
        dice.choice(STATUSES),
        round(dice.lognormvariate(6, 1.4), 2),
        lon,
        lat,
        plan.today - timedelta(days=dice.randrange(35, 300)),
    )
