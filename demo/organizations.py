"""Who takes part in the demo: departments, a vendor, twelve agencies, an enterprise, and the people who sign in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlmodel import Session, select

from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from contracts.checks.formats.credit_code import check_character
from demo.places import AGENCIES, PROVINCE, Places

HUB = "hlj-emergency"
DEPARTMENTS = {
    "hlj-civil": ("黑龙江省民政厅", "Civil affairs department"),
    "hlj-natural": ("黑龙江省自然资源厅", "Natural resources department"),
    "hlj-water": ("黑龙江省水利厅", "Water resources department"),
    "hlj-weather": ("黑龙江省气象局", "Meteorological bureau"),
    "hlj-earthquake": ("黑龙江省地震局", "Earthquake agency"),
    "hlj-forestry": ("黑龙江省林业和草原局", "Forestry and grassland bureau"),
    "hlj-market": ("黑龙江省市场监督管理局", "Market regulation bureau"),
    "hlj-transport": ("黑龙江省交通运输厅", "Transport department"),
}
VENDORS = {
    "hlj-power": ("黑龙江电力数据服务有限公司", "Heilongjiang Power Data Services"),
    "north-remote-sensing": ("北方遥感数据有限公司", "Northern Remote Sensing Data"),
}
OUTSIDER = ("demo-outsider", "示例科技有限公司", "Example Technology")

PEOPLE = {
    "administrator": ("孙博", "Sun Bo", HUB, "administrator"),
    "steward": ("李敏", "Li Min", HUB, "steward"),
    "head": ("魏国安", "Wei Guoan", HUB, "steward"),
    "analyst": ("周航", "Zhou Hang", HUB, "analyst"),
    "auditor": ("陈立", "Chen Li", HUB, "auditor"),
    "provider": ("高岩", "Gao Yan", "jiamusi-emergency", "provider"),
    "registrar": ("郑洁", "Zheng Jie", "hlj-market", "provider"),
    "partner": ("王钰", "Wang Yu", "hlj-transport", "partner"),
    "partner-water": ("赵宁", "Zhao Ning", "hlj-water", "partner"),
    "outsider": ("何一", "He Yi", "demo-outsider", "partner"),
}
"""Login: name, name in Latin letters, organization, role. Most logins are the role, so that they are remembered."""


LIAISONS = {
    "hlj-civil": ("林岚", "Lin Lan"),
    "hlj-market": ("郑洁", "Zheng Jie"),
    "hlj-earthquake": ("韩松", "Han Song"),
    "hlj-natural": ("谢原", "Xie Yuan"),
    "hlj-forestry": ("白桦", "Bai Hua"),
    "hlj-water": ("江澜", "Jiang Lan"),
    "hlj-weather": ("齐风", "Qi Feng"),
    "hlj-transport": ("路远", "Lu Yuan"),
    "hlj-power": ("雷宇", "Lei Yu"),
    "hlj-emergency": ("安平", "An Ping"),
    "north-remote-sensing": ("卫星", "Wei Xing"),
}
"""Body: who answers its needs and signs for it. They get a password when they want one."""
HEADS = {
    "hlj-civil": ("苏敬民", "Su Jingmin"),
    "hlj-market": ("方正", "Fang Zheng"),
    "hlj-earthquake": ("石震", "Shi Zhen"),
    "hlj-natural": ("田野", "Tian Ye"),
    "hlj-forestry": ("林森", "Lin Sen"),
    "hlj-water": ("洪波", "Hong Bo"),
    "hlj-weather": ("云涛", "Yun Tao"),
    "hlj-transport": ("乔路", "Qiao Lu"),
}
"""Body: the head of its sharing office, who consents before an answer is given (《政务数据共享条例》 art. 20)."""


def liaison(organization: str) -> str:
    """Login of the person who answers for a body."""
    return f"liaison-{organization}"


def head(organization: str) -> str:
    """Login of the head of a body's sharing office."""
    return f"head-{organization}"


def official_code(number: int, division: str = PROVINCE) -> str:
    """An invented, valid credit code of a public body (it begins with 11)."""
    first = f"11{division.ljust(6, '0')}{number:08d}A"
    return first + check_character(first)


def company_code(number: int) -> str:
    """An invented, valid credit code of a company."""
    first = f"91230100MA0DEM{number:03d}"
    return first + check_character(first)


def all_organizations(places: Places) -> Iterable[Organization]:
    """Every body of the demo, parents first."""
    yield Organization(
        id=HUB, name="黑龙江省应急管理厅", name_en="Emergency management department", credit_code=official_code(1),
        kind="department", division=PROVINCE,
    )  # fmt: skip
    for number, (code, (name, name_en)) in enumerate(DEPARTMENTS.items(), start=2):
        yield Organization(
            id=code, name=name, name_en=name_en, credit_code=official_code(number), kind="department", division=PROVINCE
        )
    for number, (code, (name, name_en)) in enumerate(VENDORS.items(), start=1):
        yield Organization(
            id=code, name=name, name_en=name_en, credit_code=company_code(number), kind="vendor", division="2301"
        )
    for number, (city, division) in enumerate(AGENCIES.items(), start=20):
        yield Organization(
            id=f"{city}-emergency",
            name=f"{places.name(division)}应急管理局",
            name_en=f"{city.capitalize()} emergency bureau",
            credit_code=official_code(number, division),
            kind="agency",
            level="city",
            division=division,
            parent_id=HUB,
            contact=f"{'刘孙高杨徐马朱林罗梁宋韩'[number - 20]}科长",
            phone=f"138{number:04d}0617",
        )
    code, name, name_en = OUTSIDER
    yield Organization(
        id=code, name=name, name_en=name_en, credit_code=company_code(9), kind="enterprise", level="city", division="2301"
    )


def introduce(session: Session, places: Places, password: str) -> Mapping[str, Person]:
    """Register everybody who is not there yet; people there already keep their passwords."""
    for organization in all_organizations(places):
        if session.get(Organization, organization.id) is None:
            organizations.add(session, organization)
    known = {person.login: person for person in session.exec(select(Person))}
    for login, (name, name_en, organization_id, role) in PEOPLE.items():
        if login not in known:
            known[login] = people.add_person(session, login, name, organization_id, [role], name_en=name_en, password=password)
    for login_of, those in ((liaison, LIAISONS), (head, HEADS)):
        for body, (name, name_en) in those.items():
            if (login := login_of(body)) not in known:
                known[login] = people.add_person(session, login, name, body, ["provider"], name_en=name_en)
    return known
