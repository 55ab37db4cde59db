"""The demo's agreements: ten requests, a purchase, a collection, all in force; and needs that are still on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from catalog import workdays
from catalog.acquisition.agreements import Agreement, AgreementChannel
from catalog.acquisition.terms import TERMS
from demo.places import AGENCIES
from demo.plan import Plan

FLOOD, DISASTERS, SAFETY = "省防汛抗旱指挥部办公室", "省减灾委员会办公室", "省安全生产委员会办公室"
SHARING, EMERGENCY = "《政务数据共享条例》", "《中华人民共和国突发事件应对法》"
COLLECTION = "CJ-2026-001"
PURCHASE = "GM-2026-001"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request in force, as the register tells it."""

    dataset: str
    provider: str
    title: str
    title_en: str
    purpose: str
    body: str
    basis: str
    cycle: str
    channel: str = "folder"


REQUESTS = (
    Wanted("division", "hlj-civil", "行政区划代码", "Division codes", "各类数据的空间归属", DISASTERS, SHARING, "每年"),
    Wanted(
        "enterprise_registration", "hlj-market", "企业登记信息", "Enterprise registrations", "监管对象底数核对", SAFETY,
        SHARING, "每月",
    ),
    Wanted("earthquake", "hlj-earthquake", "地震目录", "Earthquakes", "震情速报评估", DISASTERS, EMERGENCY, "每日", "items"),
    Wanted("landslide", "hlj-natural", "地质灾害事件", "Geological disasters", "汛期会商研判", DISASTERS, EMERGENCY, "每季度"),
    Wanted("fire_hotspot", "hlj-forestry", "火情热点", "Fire hotspots", "森林草原火情早期发现", DISASTERS, EMERGENCY, "每日"),
    Wanted("reservoir", "hlj-water", "水库名录", "Reservoirs", "水库安全度汛", FLOOD, SHARING, "每年"),
    Wanted("reservoir_level", "hlj-water", "水库水位", "Reservoir levels", "洪水调度与预警", FLOOD, EMERGENCY, "实时", "rows"),
    Wanted("weather_warning", "hlj-weather", "气象预警信号", "Weather warnings", "预警叫应", FLOOD, EMERGENCY, "实时"),
    Wanted(
        "hazmat_vehicle", "hlj-transport", "危险货物运输车辆", "Dangerous-goods vehicles", "危化品全链条监管", SAFETY,
        "《危险化学品安全管理条例》", "每月",
    ),
)  # fmt: skip


def _agreement(**told: Any) -> Agreement:
    """An agreement from flat fields: each goes to the common part, the route's terms or the channel."""
    name, table = TERMS[told["route"]]
    own = {field: told.pop(field) for field in set(table.model_fields) & set(told)}
    channel = told.pop("channel", None)
    made = Agreement(**told)
    setattr(made, name, table(agreement_id=made.id, **own))
    made.channels = [AgreementChannel.of(1, channel, made.id)] if channel else []
    return made


def folder(organization: str, dataset: str) -> dict[str, Any]:
    """A watched folder below HUB_HOME; files that somebody dropped long ago need no second look."""
    return {"kind": "folder", "path": f"demo/inbox/{organization}/{dataset}", "settle_seconds": 1}


def pages(dataset: str, name: str, address: str, token_file: str) -> dict[str, Any]:
    """An endpoint of the small department server."""
    below = "data." if name == "items" else ""
    told = {"url": f"{address}/{dataset}", "records": below + name, "token_file": token_file}
    return {"kind": "http", **told, **({"next": "data.next"} if below else {"total": "total"})}


def in_force(session: Session, plan: Plan, address: str, token_file: str, steward: str) -> list[Agreement]:
    """The agreements under which data comes."""
    signed = [
        _request(session, plan, number, wanted, address, token_file, steward) for number, wanted in enumerate(REQUESTS, start=1)
    ]
    return [*signed, _purchase(plan, steward), _collection(plan, steward)]


def _request(
    session: Session, plan: Plan, number: int, wanted: Wanted, address: str, token_file: str, steward: str
) -> Agreement:
    needed = plan.day(320 - number * 17)
    due = workdays.due(session, "answer-conditional", needed)
    if wanted.channel == "folder":
        channel = folder(wanted.provider, wanted.dataset)
    else:
        channel = pages(wanted.dataset, wanted.channel, address, token_file)
    return _agreement(
        id=f"YQ-{plan.today.year}-{number:03d}",
        route="request",
        dataset=wanted.dataset,
        title=wanted.title,
        title_en=wanted.title_en,
        purpose=wanted.purpose,
        provider_id=wanted.provider,
        steward_id=steward,
        cycle=wanted.cycle,
        channel=channel,
        state="active",
        coordinating_body=wanted.body,
        legal_basis=wanted.basis,
        needed_on=needed,
        answer_due=due,
        answered_on=due - timedelta(days=number % 3),
        answer="同意共享，按约定周期交付。",
        signed_due=workdays.due(session, "sign", due),
        signed_on=due + timedelta(days=6),
        valid_until=plan.today + timedelta(days=400 + number * 20),
    )


def _purchase(plan: Plan, steward: str) -> Agreement:
    return _agreement(
        id=PURCHASE,
        route="buy",
        dataset="enterprise_power",
        title="企业用电监测数据",
        title_en="Enterprise electricity use",
        purpose="发现停产后违规生产",
        provider_id="hlj-power",
        steward_id=steward,
        cycle="每日",
        channel=folder("hlj-power", "enterprise_power"),
        state="active",
        needed_on=plan.day(210),
        answered_on=plan.day(200),
        answer="经核实，无部门掌握企业逐日用电量。",
        signed_on=plan.day(150),
        valid_until=plan.today + timedelta(days=215),
        contract_number="HLJ-YJ-2026-CG-017",
        price_per_record=Decimal("0.0200"),
        ceiling=Decimal("1500.00") * max(1, round(plan.scale)),
        permitted_purposes=["安全生产监管", "应急处置"],
        redistribution=False,
        why_bought="登记状态每月更新一次，无法及时发现停产；逐日用电量把周期缩短到一天，补足“是否在产”这一缺项。",
        fills_dataset="enterprise_registration",
        fills_items=["status"],
    )


def _collection(plan: Plan, steward: str) -> Agreement:
    return _agreement(
        id=COLLECTION,
        route="collect",
        dataset="major_hazard",
        title="重大危险源月报",
        title_en="Monthly report of major hazards",
        purpose="重大危险源动态监管",
        provider_id="hlj-emergency",
        steward_id=steward,
        cycle="每月",
        channel={
            "kind": "template",
            "path": "demo/mailbox",
            "outbox": "demo/outbox",
            "settle_seconds": 1,
            "arrival": "file-time",
        },
        state="active",
        coordinating_body=SAFETY,
        legal_basis="《危险化学品重大危险源监督管理暂行规定》",
        needed_on=plan.day(420),
        answered_on=plan.day(415),
        answer="年度采集任务已下达。",
        signed_on=plan.day(410),
        template_version="1.0.0",
        period="month",
        due_day=5,
        due_months=0,
    )


def agencies() -> list[str]:
    """Identifiers of the twelve cities' bureaus, which report."""
    return [f"{city}-emergency" for city in AGENCIES]


def on_their_way(session: Session, plan: Plan, steward: str) -> list[Agreement]:
    """Needs at other stages, so that the register has late ones, ones due soon, and others."""
    calendar = workdays.calendar(session)
    back = lambda days: calendar.add(plan.today, -days)  # noqa: E731 - working days before today
    ahead = lambda days: calendar.add(plan.today, days)  # noqa: E731
    common = {"steward_id": steward}
    return [
        _need("YQ", 21, "geohazard_device", "地质灾害隐患点监测设备", "Geohazard monitoring devices", "hlj-natural", "汛期研判",
              needed_on=back(32), answer_due=back(22), answered_on=back(24), answer="同意共享。", state="accepted",
              signed_due=back(6), coordinating_body=DISASTERS, legal_basis=SHARING, plan=plan, **common),
        _need("YQ", 22, "river_level", "中小河流水文站实时水位", "River levels", "hlj-water", "山洪预警",
              needed_on=back(11), answer_due=back(1), coordinating_body=FLOOD, legal_basis=SHARING, plan=plan, **common),
        _need("YQ", 23, "video_channel", "林区视频监控通道", "Video channels of forest areas", "hlj-forestry", "火情核查",
              needed_on=back(7), answer_due=ahead(3), coordinating_body=DISASTERS, legal_basis=SHARING, plan=plan, **common),
        _need("GM", 2, "night_hotspot", "夜间火点商业星座", "Night hotspots of a commercial constellation",
              "north-remote-sensing", "夜间火情发现", route="buy", state="accepted", needed_on=back(18), answered_on=back(12),
              answer="无部门可提供。", signed_due=ahead(2), ceiling=Decimal("380000.00"), price_per_record=Decimal("0.5000"),
              why_bought="公开卫星夜间过境少，周期由 6 小时缩短到 10 分钟。", plan=plan, **common),
        _need("CJ", 2, "relief_supplies", "应急物资储备库存", "Emergency supplies in stock", "hlj-emergency", "跨市调拨",
              route="collect", state="accepted", needed_on=back(10), answered_on=back(9), answer="任务已下达，模板试填中。",
              signed_due=ahead(12), template_version="0.9.0", plan=plan, **common),
        _need("YQ", 24, "coal_mine", "煤矿安全监控联网数据", "Coal mine monitoring", "hlj-natural", "矿山监管",
              needed_on=back(3), answer_due=ahead(7), coordinating_body=SAFETY, legal_basis=SHARING, plan=plan, **common),
    ]  # fmt: skip


def _need(
    letters: str, number: int, dataset: str, title: str, title_en: str, provider: str, purpose: str, *, plan: Plan,
    route: str = "request", state: str = "needed", needed_on: date, **told: Any,
) -> Agreement:  # fmt: skip
    return _agreement(
        id=f"{letters}-{plan.today.year}-{number:03d}",
        route=route,
        dataset=dataset,
        title=title,
        title_en=title_en,
        provider_id=provider,
        purpose=purpose,
        state=state,
        needed_on=needed_on,
        **told,
    )
