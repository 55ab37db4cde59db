"""A hub filled by the real functions: the demo pack's contracts, agreements of three routes, a year of batches, releases."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session

from catalog import workdays
from catalog.access.grants import grant
from catalog.acquisition import negotiation, periods
from catalog.acquisition.agreements import Agreement
from catalog.deliveries import batches
from catalog.entries import codes, resources
from catalog.entries import contracts as registry
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.ledger import CatalogLedger, CatalogLookups
from catalog.lineage import graph as lineage
from catalog.releases.releases import Release
from catalog.store import database
from contracts import clock
from contracts.checks.formats.credit_code import check_character as credit_check_character
from contracts.clock import today, zone
from contracts.deliveries import Fault, Outcome, Receipt
from contracts.odcs.loader import read
from contracts.packs.contents import open_pack
from orchestration import derived
from tests import agreeing, packing
from warehouse.ingest import deliver as ingest
from warehouse.settings import Settings
from warehouse.storage.connection import initialise

PACK = packing.EMERGENCY
PASSWORD = "portal-test-password"
HUB = "hlj-emergency"
CITIES = ["哈尔滨", "齐齐哈尔", "鸡西", "鹤岗", "双鸭山", "大庆", "伊春", "佳木斯", "七台河", "牡丹江", "黑河", "绥化"]
AGENCIES = [
    "harbin", "qiqihar", "jixi", "hegang", "shuangyashan", "daqing", "yichun", "jiamusi", "qitaihe", "mudanjiang",
    "heihe", "suihua",
]  # fmt: skip
DEPARTMENTS = {
    HUB: "省应急管理厅", "hlj-civil": "省民政厅", "hlj-natural": "省自然资源厅", "hlj-water": "省水利厅",
    "hlj-weather": "省气象局", "hlj-earthquake": "省地震局", "hlj-forestry": "省林业和草原局",
    "hlj-market": "省市场监督管理局", "hlj-transport": "省交通运输厅",
}  # fmt: skip
PEOPLE = {
    "steward": ("李敏", "Li Min", HUB, "steward"),
    "provider": ("高岩", "Gao Yan", "jiamusi-emergency", "provider"),
    "partner": ("王钰", "Wang Yu", "hlj-transport", "partner"),
    "analyst": ("周航", "Zhou Hang", "hlj-civil", "analyst"),
    "auditor": ("陈立", "Chen Li", HUB, "auditor"),
    "administrator": ("孙杰", "Sun Jie", HUB, "administrator"),
    "outsider": ("何一", "He Yi", "demo-outsider", "partner"),
}
COLLECTION = "CJ-2026-003"


@dataclass
class Filled:
    """What the tests need to know of the hub they were given."""

    settings: Settings
    batches: dict[str, str] = field(default_factory=dict)
    """What it shows: batch id."""


def fill(settings: Settings) -> Filled:
    """Migrate and fill the catalogue, and deliver one real file into a real lake: Jiamusi's report, with faults."""
    settings.root.mkdir(parents=True, exist_ok=True)
    database.migrate(settings.catalog_database)
    filled = Filled(settings)
    with database.session(settings.catalog_database) as session:
        _lists(session, settings)
        _bodies(session)
        for path in sorted((PACK / "contracts").glob("*.odcs.yaml")):
            registry.register(session, read(path), by="test", origin="pack")
        _agreements(session)
    initialise(settings)
    _collected(settings, filled)
    _requested(settings, filled)
    with database.session(settings.catalog_database) as session:
        held = [batches.get(session, filled.batches[name]).snapshot or 0 for name in ("jiamusi-before", "jiamusi")]
        _releases(session, *held)
        _grants(session)
        _lineage(session)
    return filled


def _lists(session: Session, settings: Settings) -> None:
    workdays.seed(session)
    packing.lists(session, PACK)
    packing.in_use(session, settings, packing.BASE)
    packing.in_use(session, settings, PACK)
    codes.replace(session, "division", [("230803", "向阳区", "")], title="行政区划", title_en="Divisions")


def _bodies(session: Session) -> None:
    for number, (identifier, name) in enumerate(DEPARTMENTS.items()):
        kind = "department"
        code = "11230000MB0000017H" if number == 0 else ""
        english = identifier.replace("hlj-", "Provincial ").title() + " Department"
        organizations.add(
            session, Organization(id=identifier, name=name, name_en=english, kind=kind, division="23", credit_code=code)
        )
    organizations.add(session, Organization(id="hlj-power", name="省电力数据服务公司", name_en="Power Data", kind="vendor"))
    organizations.add(session, Organization(id="demo-outsider", name="示例科技", name_en="Example", kind="enterprise"))
    for number, (identifier, city) in enumerate(zip(AGENCIES, CITIES, strict=True), start=1):
        body = Organization(
            id=f"{identifier}-emergency", name=f"{city}市应急管理局", name_en=f"{identifier.title()} emergency bureau",
            kind="agency", level="city", division=f"23{number:02d}", parent_id=HUB,
            contact="刘科长", phone=f"138{number:04d}0617",
        )  # fmt: skip
        organizations.add(session, body)
    for login, (name, english, organization, role) in PEOPLE.items():
        people.add_person(session, login, name, organization, [role], name_en=english, password=PASSWORD)


def _agreements(session: Session) -> None:
    day, calendar = today(), workdays.calendar(session)
    steward = people.get_person(session, "steward").id
    common = {"steward_id": steward, "coordinating_body": "省减灾委员会办公室", "legal_basis": "《政务数据共享条例》"}

    def enter(**told: object) -> Agreement:
        return agreeing.enter(session, **common, **told)

    for number, (dataset, provider, title, title_en, cycle) in enumerate(REQUESTS, start=1):
        needed = day - timedelta(days=300 - number * 11)
        enter(
            id=f"YQ-2026-{number:03d}", route="request", dataset=dataset, provider_id=provider, title=title,
            title_en=title_en, purpose="灾害风险研判", cycle=cycle, state="active", needed_on=needed,
            answered_on=needed + timedelta(days=9), answer="同意", signed_on=needed + timedelta(days=24),
            valid_until=day + timedelta(days=380),
        )  # fmt: skip
    enter(
        id="YQ-2026-021", route="request", dataset="geohazard_device", provider_id="hlj-natural", purpose="汛期研判",
        title="地质灾害隐患点与监测设备", title_en="Geohazard sites and devices", state="accepted",
        needed_on=calendar.add(day, -30), answered_on=calendar.add(day, -25), answer="同意",
        signed_due=calendar.add(day, -6),
    )  # fmt: skip
    enter(
        id="YQ-2026-022", route="request", dataset="river_level", provider_id="hlj-water", purpose="山洪预警",
        title="中小河流水文站实时水位", title_en="River levels", needed_on=calendar.add(day, -11),
        answer_due=calendar.add(day, -1),
    )  # fmt: skip
    enter(
        id="YQ-2026-023", route="request", dataset="video", provider_id="hlj-forestry", purpose="火情核查",
        title="林区视频通道", title_en="Forest video", needed_on=calendar.add(day, -8), answer_due=calendar.add(day, 2),
    )  # fmt: skip
    enter(
        id="GM-2026-001", route="buy", dataset="enterprise_power", provider_id="hlj-power", purpose="发现停产后违规生产",
        title="企业用电异常监测", title_en="Enterprise electricity use", state="active", cycle="每日",
        needed_on=day - timedelta(days=200), signed_on=day - timedelta(days=150), valid_until=day + timedelta(days=200),
        price_per_record="0.02", ceiling="30000", why_bought="登记状态更新慢，补足在产情况", contract_number="HT-17",
    )  # fmt: skip
    collection = enter(
        id=COLLECTION, route="collect", dataset="major_hazard", provider_id=HUB, purpose="安全监管、联合检查",
        title="重大危险源月报", title_en="Monthly report of major hazards", state="active", cycle="每月",
        needed_on=day - timedelta(days=420), answered_on=day - timedelta(days=415),
        signed_on=periods.first_day(periods.last_periods("month", day, 12)[0]),
        template_version="1.0.0", valid_until=day + timedelta(days=300),
    )  # fmt: skip
    negotiation.set_agencies(session, collection, [f"{name}-emergency" for name in AGENCIES])


REQUESTS = (
    ("division", "hlj-civil", "行政区划", "Divisions", "每年"),
    ("enterprise_registration", "hlj-market", "企业登记信息", "Enterprise registrations", "每月"),
    ("earthquake", "hlj-earthquake", "地震目录", "Earthquakes", "每日"),
    ("landslide", "hlj-natural", "地质灾害事件", "Geological disasters", "每季度"),
    ("reservoir_level", "hlj-water", "水库水位", "Reservoir levels", "实时"),
    ("hazmat_vehicle", "hlj-transport", "危险货物运输车辆", "Dangerous-goods vehicles", "每月"),
)

FAULTS = (
    Fault("credit-code", "credit_code", 31, "91230803MA1C105580", "统一社会信用代码校验位不符，按营业执照核对全部 18 位",
          "Check character of the credit code is wrong; compare all 18 with the licence"),
    Fault("division", "division", 22, "230899", "行政区划代码不存在，从模板下拉表选取县级代码",
          "Division code does not exist; choose it from the template's list"),
    Fault("swapped", "lon", 17, "46.80", "经度与纬度疑似对调，核对后交换", "Longitude and latitude look swapped"),
    Fault("maximum", "assessed_on", 12, "2062-11-20", "日期晚于报送日，核对年份", "The date lies in the future"),
    Fault("required", "enterprise_name", 6, None, "必填项为空，请补填", "Required and empty; fill it in"),
    Fault("columns", "", 4, "17", "列数不符，应为 15 列，检查合并单元格", "Wrong number of columns"),
)  # fmt: skip


def _at(day: date, hour: int = 9) -> datetime:
    return datetime.combine(day, time(hour, 12, 4), zone()).astimezone(UTC)


def _deliver(settings: Settings, outcome: Outcome, day: date, **told: object) -> str:
    ledger = CatalogLedger(database.engine(settings.catalog_database))
    number = random.Random(str(told)).getrandbits(256)
    receipt = Receipt(
        contract_version="1.0.0", sha256=f"{number:064x}", bytes=412_345, received_at=_at(day), received_by="steward",
        media="xlsx", **told,  # type: ignore[arg-type]
    )  # fmt: skip
    entry = ledger.receive(receipt)
    ledger.settle(entry.batch_id, outcome)
    return entry.batch_id


def _collected(settings: Settings, filled: Filled) -> None:
    """Twelve periods of twelve agencies; in the last that is due today, one late, one returned, one nil, two missing."""
    with database.session(settings.catalog_database) as session:
        calendar = workdays.calendar(session)
    names = [name for name in periods.last_periods("month", today(), 14) if periods.due(calendar, name, 5, 1) < today()][-12:]
    for period in names:
        due = periods.due(calendar, period, 5, 1)
        for number, agency in enumerate(AGENCIES):
            rows = 120 + number * 37
            day = due - timedelta(days=2)
            if (period, agency) in ((names[3], "yichun"), (names[-1], "yichun"), (names[-1], "suihua")):
                continue
            if agency == ("jixi", "qiqihar", "suihua")[names.index(period) % 3] and names.index(period) % 4 == 1:
                day = due + timedelta(days=4)
            outcome = _whole(rows)
            if period == names[-1]:
                outcome, day = _last(agency, rows, min(due, today()))
            if agency == "jiamusi" and period in names[-2:]:
                last = period == names[-1]
                told = report() if last else earlier()
                made = deliver_report(settings, period, received_at=_at(min(due, today())), text=told)
                filled.batches["jiamusi" if last else "jiamusi-before"] = made
                continue
            told = {"dataset": "major_hazard", "organization_id": f"{agency}-emergency", "agreement_id": COLLECTION}
            told |= {"period": period, "route": "collect", "filename": f"{CITIES[number]}{period}.xlsx"}
            batch = _deliver(settings, outcome, min(day, today()), **told)
            if period == names[-1]:
                filled.batches[agency] = batch


def _whole(rows: int) -> Outcome:
    return Outcome(
        "loaded", rows, rows, 0, 5, rows // 4, rows - 5 - rows // 4, quality=_quality(rows, 0),
        table_rows=4568, table_bytes=890_000, seconds={"landing": 0.1, "check": 0.4, "load": 0.6},
    )  # fmt: skip


def _last(agency: str, rows: int, due: date) -> tuple[Outcome, date]:
    if agency == "hegang":
        refused = Outcome("returned", 212, 0, 212, faults=FAULTS[:3], message="212 行中 178 行坐标超出本市，整批退回",
                          message_en="178 of 212 rows lie outside the city; the whole batch is returned")  # fmt: skip
        return refused, due
    if agency == "qitaihe":
        return Outcome("loaded", message="零报告", message_en="Nil report"), due
    return _whole(rows), due


def report(rows: int = 320) -> str:
    """Jiamusi's monthly report as CSV: plausible rows, every kind of fault, formula-like text, one row that does not parse."""
    chance = random.Random(7)
    lines = [",".join(HEADERS)]
    for number in range(1, rows + 1):
        code = f"91230803MA1C{number:05d}"
        level = number % 4 + 1
        value = {"1": 128.4, "2": 66.0, "3": 23.5, "4": 4.2}[str(level)]
        told = {
            "重大危险源编号": f"230803-MH-{number:04d}",
            "重大危险源名称": chance.choice(("液氨罐区", "汽油储罐区", "液氯库房")),
            "企业统一社会信用代码": code + credit_check_character(code), "企业名称": f"佳木斯示例化工{number}厂",
            "行政区划代码": "230803", "重大危险源等级": str(level), "R 值": f"{value}",
            "经度": f"{130.3 + number / 10000:.4f}", "纬度": f"{46.8 + number / 10000:.4f}", "主要介质": "液氨",
            "包保责任人": SECRET_NAME, "责任人电话": SECRET_PHONE, "评估日期": "2026-01-15", "接入传感器数": "24",
            "运行状态": "在用",
        }  # fmt: skip
        told |= FAULTY.get(number % 23, {}) if number % 23 < 8 and number > 20 else {}
        lines.append(",".join(told.values()))
    lines.insert(90, "230803-MH-9999,缺列的一行,91230803")
    return "\n".join(lines) + "\n"


def earlier() -> str:
    """Jiamusi's report of the month before: no faults, twenty hazards fewer, another medium in some, and another telephone."""
    chance = random.Random(7)
    lines = [",".join(HEADERS)]
    for number in range(1, 301):
        code = f"91230803MA1C{number:05d}"
        level = number % 4 + 1
        told = [
            f"230803-MH-{number:04d}", chance.choice(("液氨罐区", "汽油储罐区", "液氯库房")),
            code + credit_check_character(code), f"佳木斯示例化工{number}厂", "230803", str(level),
            ("128.4", "66.0", "23.5", "4.2")[level - 1], f"{130.3 + number / 10000:.4f}", f"{46.8 + number / 10000:.4f}",
            "氨水" if number % 10 == 4 else "液氨",
            SECRET_NAME, EARLIER_PHONE if number % 7 == 0 else SECRET_PHONE, "2026-01-15", "24", "在用",
        ]  # fmt: skip
        lines.append(",".join(told))
    return "\n".join(lines) + "\n"


EARLIER_PHONE = "13904549999"
SECRET_NAME, SECRET_PHONE = "欧阳保密", "13904541234"
FAULTY: dict[int, dict[str, str]] = {
    1: {"企业统一社会信用代码": "91230803MA1C105580"},
    2: {"行政区划代码": "230899"},
    3: {"经度": "46.8012", "纬度": "130.3627"},
    4: {"评估日期": "2062-11-20"},
    5: {"企业名称": ""},
    6: {"重大危险源等级": "重大"},
    7: {"重大危险源名称": '=HYPERLINK("x")', "接入传感器数": "十二"},
}
HEADERS = [
    "重大危险源编号", "重大危险源名称", "企业统一社会信用代码", "企业名称", "行政区划代码", "重大危险源等级", "R 值", "经度",
    "纬度", "主要介质", "包保责任人", "责任人电话", "评估日期", "接入传感器数", "运行状态",
]  # fmt: skip


def deliver_report(
    settings: Settings, period: str, *, received_at: datetime, text: str = "", corrects: str | None = None
) -> str:
    """The report through the real front door: landing, check, load, quarantine."""
    path = settings.root / "佳木斯报送.csv"
    path.write_text(text or report(), encoding="utf-8")
    engine = database.engine(settings.catalog_database)
    delivered = ingest.deliver(
        settings, CatalogLedger(engine), CatalogLookups(engine), path, dataset="major_hazard", received_by="provider",
        route="collect", agreement_id=COLLECTION, organization_id="jiamusi-emergency", period=period,
        received_at=received_at, corrects=corrects,
    )  # fmt: skip
    return delivered.batch_id


def _quality(rows: int, failed: int) -> list[dict[str, object]]:
    told = {"completeness": 0.1, "uniqueness": 0, "accuracy": 1, "consistency": 0.4, "timeliness": 0.2, "conformity": 0.8}
    rules = {"completeness": "required", "uniqueness": "unique", "accuracy": "credit-code", "consistency": "row:dates",
             "timeliness": "freshness", "conformity": "pattern"}  # fmt: skip
    return [
        {"rule": rules[name], "item": "credit_code", "dimension": name, "rows": rows, "failed": int(failed * part)}
        for name, part in told.items()
    ]


def _requested(settings: Settings, filled: Filled) -> None:
    for number, (dataset, provider, *_rest) in enumerate(REQUESTS, start=1):
        rows = 1_000 * number**3
        outcome = Outcome(
            "loaded", rows, rows, 0, rows, 0, 0, table_rows=rows, table_bytes=rows * 80,
            quality=_quality(rows, number), seconds={"landing": 0.1, "check": 0.4, "load": 0.3},
        )  # fmt: skip
        day = today() - timedelta(days=40 if dataset in ("hazmat_vehicle", "earthquake") else number % 3)
        told = {"route": "request", "organization_id": provider, "agreement_id": f"YQ-2026-{number:03d}"}
        filled.batches[dataset] = _deliver(settings, outcome, day, dataset=dataset, filename=f"{dataset}.csv", **told)


def _releases(session: Session, before: int, held: int) -> None:
    """Versions; those of major_hazard are the lake's very states: the last after Jiamusi's report, the others before it."""
    for name, versions in (("major_hazard", 4), ("earthquake", 2), ("division", 1), ("enterprise_registration", 3)):
        resource = resources.get(session, name)
        contract = registry.active(session, name)
        snapshots = {1: before, 2: before, 3: before, 4: held} if name == "major_hazard" else {}
        for version in range(1, versions + 1):
            session.add(
                Release(
                    resource_id=resource.id, version=version, snapshot=snapshots.get(version, 4000 + version),
                    contract_version="1.0.0",
                    columns=[{"name": item.name, "type": str(item.type)} for item in contract.items],
                    rows=resource.rows - 10 * (versions - version), bytes=resource.bytes, quality=96.4,
                    added=None if version == 1 else 1062, changed=None if version == 1 else 37,
                    removed=None if version == 1 else 3, released_by="steward", note="月度发布",
                    released_at=clock.now() - timedelta(days=30 * (versions - version)),
                    recalled_at=clock.now() if (name, version) == ("major_hazard", 2) else None,
                    recall_reason="坐标错误" if (name, version) == ("major_hazard", 2) else "",
                )
            )  # fmt: skip
        resource.last_version = versions
        session.add(resource)


def _lineage(session: Session) -> None:
    """The models' entries, and edges as runs would tell them: a file, a check against a list, every model; one source is not
    shared. The hazard theme tells its columns too.
    """
    hazard = ("hazard_id", "division", "lon", "lat")
    sources = ["file|jiamusi-emergency/major_hazard", "resource.division", "resource.enterprise_power"]
    ran(session, "load.major_hazard", sources, "resource.major_hazard")
    models = open_pack(PACK).models
    for model in models.values():
        derived.register(session, model, HUB)
        inputs = [f"resource.{name}" for name in model.resources]
        inputs += [f"{models[name].library}.{name}" for name in model.models]
        columns = {name: ("resource.major_hazard", name) for name in hazard} if model.name == "hazard" else {}
        ran(session, f"model.{model.name}", inputs, f"{model.library}.{model.name}", columns)
    told = {name: ("theme.hazard", name) for name in ("division",)}
    ran(session, "model.regional_risk.columns", ["theme.hazard"], "topic.regional_risk", {"county_code": told["division"]})


def ran(session: Session, job: str, inputs: list[str], output: str, columns: dict[str, tuple[str, str]] | None = None) -> None:
    """A run told its lineage: its inputs ("namespace|name" outside the hub), its output, and where columns come from."""

    def node(name: str) -> dict[str, str]:
        namespace, _, rest = name.rpartition("|")
        return {"namespace": namespace or "hui", "name": rest}

    fields = {
        name: {"inputFields": [{"namespace": "hui", "name": source, "field": item}]}
        for name, (source, item) in (columns or {}).items()
    }
    facets = {"facets": {"columnLineage": {"fields": fields}}} if fields else {}
    lineage.receive(
        session,
        {
            "eventType": "COMPLETE", "eventTime": "2026-11-01T00:00:00Z", "producer": "test",
            "run": {"runId": f"0b8c7a1e-0000-4000-8000-{len(job):012d}"}, "job": {"namespace": "hui", "name": job},
            "inputs": [node(name) for name in inputs], "outputs": [node(output) | facets],
        },
    )  # fmt: skip


def _grants(session: Session) -> None:
    resource = resources.get(session, "major_hazard")
    contract = registry.active(session, "major_hazard")
    items = [item.name for item in contract.items if item.name not in ("owner_name",)]
    grant(
        session, resource, contract, "hlj-transport", by="steward", purpose="业务协同：危化企业联合检查", items=items,
        masks={"owner_phone": {"kind": "truncate", "keep": 3}, "lon": {"kind": "truncate", "keep": 2},
               "lat": {"kind": "truncate", "keep": 2}},
        row_filter="level IN ('1', '2')", expires_at=clock.now() + timedelta(days=200),
    )  # fmt: skip
