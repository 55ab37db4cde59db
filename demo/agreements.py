"""The demo's agreements: ten requests, a purchase, a collection, all in force; and needs that are still on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

from sqlmodel import Session

from catalog import workdays
from catalog.acquisition import agreements, answer_links
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import Collection, Purchase
from catalog.identity import people
from catalog.identity.people import Subject
from demo.organizations import head, liaison
from demo.places import AGENCIES
from demo.plan import Plan
from hub import acquisition, requests
from hub.acquisition import ChangeAgreement, Channel, Cycle, EnterNeed, SignAgreement
from hub.hub import Hub
from hub.needs import WantedItem
from hub.requests import AnswerNeed, AskNeed, ConsentNeed, LinkNeed, SendNeed

FLOOD, DISASTERS, SAFETY = "省防汛抗旱指挥部办公室", "省减灾委员会办公室", "省安全生产委员会办公室"
SHARING, EMERGENCY = "《政务数据共享条例》", "《中华人民共和国突发事件应对法》"
COLLECTION = "CJ-2026-001"
PURCHASE = "GM-2026-001"


@dataclass(frozen=True, slots=True)
class Way:
    """A need and how far it has come: answered, signed, until when; or where it stands before that."""

    need: EnterNeed
    answered: date | None = None
    answer: str = ""
    signed: date | None = None
    valid_until: date | None = None
    stands: Literal["", "drafted", "incomplete", "by-letter"] = ""
    """Not sent yet, to be completed, or answered in part through the letter's link."""


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


def folder(organization: str, dataset: str) -> dict[str, Any]:
    """A watched folder below HUB_HOME; files that somebody dropped long ago need no second look."""
    return {"kind": "folder", "path": f"demo/inbox/{organization}/{dataset}", "settle_seconds": 1}


def pages(dataset: str, name: str, address: str, token_file: str) -> dict[str, Any]:
    """An endpoint of the small department server."""
    below = "data." if name == "items" else ""
    settings = {"url": f"{address}/{dataset}", "records": below + name, "token_file": token_file}
    return {"kind": "http", **settings, **({"next": "data.next"} if below else {"total": "total"})}


def in_force(session: Session, plan: Plan, address: str, token_file: str) -> list[Way]:
    """The agreements under which data comes: entered, answered and signed by both sides."""
    signed = [_request(session, plan, number, wanted, address, token_file) for number, wanted in enumerate(REQUESTS, start=1)]
    return [*signed, _purchase(plan), _collection(plan)]


def _request(session: Session, plan: Plan, number: int, wanted: Wanted, address: str, token_file: str) -> Way:
    needed = plan.day(48 - number * 2)
    answered = workdays.due(session, "answer-unconditional", needed) + timedelta(days=7 + number % 3)
    if wanted.channel == "folder":
        channel = folder(wanted.provider, wanted.dataset)
    else:
        channel = pages(wanted.dataset, wanted.channel, address, token_file)
    need = EnterNeed(
        number=f"YQ-{plan.today.year}-{number:03d}",
        route="request",
        dataset=wanted.dataset,
        title=wanted.title,
        title_en=wanted.title_en,
        purpose=wanted.purpose,
        provider=wanted.provider,
        cycle=cast(Cycle, wanted.cycle),
        channels=[Channel(**channel)],
        coordinating_body=wanted.body,
        legal_basis=wanted.basis,
        needed_on=needed,
    )
    until = plan.today + timedelta(days=400 + number * 20)
    return Way(need, answered, "同意共享，按约定周期交付。", answered + timedelta(days=6), until)


def _purchase(plan: Plan) -> Way:
    terms = Purchase(
        contract_number="HLJ-YJ-2026-CG-017",
        price_per_record=Decimal("0.0200"),
        ceiling=Decimal("1500.00") * max(1, round(plan.scale)),
        permitted_purposes=["安全生产监管", "应急处置"],
        redistribution=False,
        why_bought="登记状态每月更新一次，无法及时发现停产；逐日用电量把周期缩短到一天，补足“是否在产”这一缺项。",
        fills_dataset="enterprise_registration",
        fills_items=["status"],
    )
    need = EnterNeed(
        number=PURCHASE,
        route="buy",
        dataset="enterprise_power",
        title="企业用电监测数据",
        title_en="Enterprise electricity use",
        purpose="发现停产后违规生产",
        items=[WantedItem(name=one) for one in ("统一社会信用代码", "逐日用电量", "用电异常")],
        provider="hlj-power",
        cycle="每日",
        channels=[Channel(**folder("hlj-power", "enterprise_power"))],
        needed_on=plan.day(60),
        purchase=terms,
    )
    answer = "可按日提供；经核实，无部门掌握企业逐日用电量。"
    return Way(need, plan.day(50), answer, plan.day(20), plan.today + timedelta(days=215))


def _collection(plan: Plan) -> Way:
    mailbox: dict[str, Any] = {
        "kind": "template",
        "path": "demo/mailbox",
        "outbox": "demo/outbox",
        "settle_seconds": 1,
        "arrival": "file-time",
    }
    need = EnterNeed(
        number=COLLECTION,
        route="collect",
        dataset="major_hazard",
        title="重大危险源月报",
        title_en="Monthly report of major hazards",
        purpose="重大危险源动态监管",
        provider="hlj-emergency",
        cycle="每月",
        channels=[Channel(**mailbox)],
        coordinating_body=SAFETY,
        legal_basis="《危险化学品重大危险源监督管理暂行规定》",
        needed_on=plan.day(420),
        collection=Collection(template_version="1.0.0", period="month", due_day=5, due_months=0),
        agencies=agencies(),
    )
    return Way(need, plan.day(415), "年度采集任务已下达。", plan.day(410))


def agencies() -> list[str]:
    """Identifiers of the twelve cities' bureaus, which report."""
    return [f"{city}-emergency" for city in AGENCIES]


def on_their_way(session: Session, plan: Plan) -> list[Way]:
    """Needs at other stages, so that the register has late ones, ones due soon, and others."""
    calendar = workdays.calendar(session)
    back = lambda days: calendar.add(plan.today, -days)  # noqa: E731 - working days before today
    terms = {"coordinating_body": DISASTERS, "legal_basis": SHARING}
    constellation = Purchase(
        ceiling=Decimal("380000.00"), price_per_record=Decimal("0.5000"),
        why_bought="公开卫星夜间过境少，周期由 6 小时缩短到 10 分钟。",
    )  # fmt: skip
    need = lambda number, *told, **more: _need(plan, number, *told, **more)  # noqa: E731
    return [
        Way(need("YQ-021", "geohazard_device", "地质灾害隐患点监测设备", "Geohazard monitoring devices", "hlj-natural",
                 "汛期研判", back(32), **terms), back(24), "同意共享。"),
        Way(need("YQ-022", "river_level", "中小河流水文站实时水位", "River levels", "hlj-water", "山洪预警", back(11),
                 items=[WantedItem(name=one) for one in ("测站编码", "水位", "流量", "观测时间")],
                 coordinating_body=FLOOD, legal_basis=SHARING)),
        Way(need("YQ-023", "video_channel", "林区视频监控通道", "Video channels of forest areas", "hlj-forestry", "火情核查",
                 back(7), **terms)),
        Way(need("GM-002", "night_hotspot", "夜间火点商业星座", "Night hotspots of a commercial constellation",
                 "north-remote-sensing", "夜间火情发现", back(19), route="buy", purchase=constellation), back(18),
            "可按次提供；无部门可提供。"),
        Way(need("CJ-002", "relief_supplies", "应急物资储备库存", "Emergency supplies in stock", "hlj-emergency", "跨市调拨",
                 back(10), route="collect", collection=Collection(template_version="0.9.0")), back(9),
            "任务已下达，模板试填中。"),
        Way(need("YQ-025", "snow_depth", "积雪深度格点实况", "Snow depth", "hlj-weather", "雪灾研判", back(1), **terms),
            stands="drafted"),
        Way(need("YQ-026", "fire_station", "森林消防队伍驻地", "Forest fire stations", "hlj-forestry", "力量调度", back(4),
                 **terms), stands="incomplete"),
        Way(need("YQ-027", "reservoir_inflow", "大中型水库入库流量", "Reservoir inflow", "hlj-water", "洪水预报", back(9),
                 coordinating_body=FLOOD, legal_basis=SHARING), stands="by-letter"),
        Way(need("YQ-024", "coal_mine", "煤矿安全监控联网数据", "Coal mine monitoring", "hlj-natural", "矿山监管", back(3),
                 coordinating_body=SAFETY, legal_basis=SHARING)),
    ]  # fmt: skip


def _need(
    plan: Plan, number: str, dataset: str, title: str, title_en: str, provider: str, purpose: str, needed_on: date, **more: Any
) -> EnterNeed:
    letters, _, rest = number.partition("-")
    return EnterNeed(
        number=f"{letters}-{plan.today.year}-{rest}", dataset=dataset, title=title, title_en=title_en, provider=provider,
        purpose=purpose, needed_on=needed_on, **({"route": "request"} | more),
    )  # fmt: skip


def play(hub: Hub, way: Way) -> None:
    """Take a need as far as it goes, by the acts, as the steward and the body's own person; one that is there stays."""
    with hub.session() as session:
        if session.get(Agreement, way.need.number) is not None:
            return
        steward = _person(session, "steward")
        provider = _person(session, liaison(way.need.provider))
    number = acquisition.enter(hub, steward, way.need).id
    if way.stands == "drafted":
        return
    if way.need.route == "request":
        _consent(hub, number, "head", way.need.needed_on)
        requests.send(hub, steward, SendNeed(agreement=number, on=way.need.needed_on))
    if way.stands == "incomplete":
        requests.ask(hub, provider, AskNeed(agreement=number, missing="请补充：1. 使用科室；2. 数据留存期限。"))
    if way.stands == "by-letter":
        _answer_by_letter(hub, steward, number)
    if way.answered is not None:
        requests.answer(hub, provider, AnswerNeed(agreement=number, answer="accept", text=way.answer, on=way.answered))
        if way.need.route == "request":
            _consent(hub, number, head(way.need.provider), way.answered)
    if way.signed is None:
        return
    signature = SignAgreement(agreement=number, on=way.signed, valid_until=way.valid_until)
    for signer in (provider, steward) if way.need.route == "request" else (steward,):
        acquisition.sign(hub, signer, signature)


def _consent(hub: Hub, number: str, login: str, on: date | None) -> None:
    """The head of a side's sharing office consents."""
    with hub.session() as session:
        by = _person(session, login)
    requests.consent(hub, by, ConsentNeed(agreement=number, head=by.name, on=on))


def _answer_by_letter(hub: Hub, steward: Subject, number: str) -> None:
    """The asked body has nobody with an account at hand: it answers in part, through the link in the letter."""
    token = requests.link(hub, steward, LinkNeed(agreement=number)).link.rpartition("/")[2]
    with hub.session() as session:
        _, body = answer_links.opened(session, token)
    answer = AnswerNeed(
        agreement=number, answer="part", text="小型水库尚未联网，暂不提供。", without=["小型水库入库流量"], head="洪波",
        document="黑水函〔2026〕117号",
    )  # fmt: skip
    requests.answer(hub, body, answer)


def move(hub: Hub, before: int, after: int) -> None:
    """The department's interface has another port: its agreements' channels are changed."""
    with hub.session() as session:
        steward = _person(session, "steward")
        channels = {one.id: one.channel for one in agreements.listed(session, route="request")}
    for number, channel in channels.items():
        url = str(channel.get("url", ""))
        if url.startswith(f"http://127.0.0.1:{before}/"):
            moved = Channel(**{**channel, "url": url.replace(f":{before}/", f":{after}/")})
            request = ChangeAgreement(agreement=number, reason="部门接口更换端口", channels=[moved])
            acquisition.change(hub, steward, request)


def _person(session: Session, login: str) -> Subject:
    subject = people.of_person(session, people.get_person(session, login).id)
    assert subject is not None  # noqa: S101 - the demo registers them first
    return subject
