"""A large catalogue, its rows written straight into a migrated database: what pages and listings are measured on.

Everything hangs together as it does in a hub: entries have codes, words in the search index, a contract in force and versions;
agreements stand in every state with terms, channels, steps and agencies; a few of them have most of the batches.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, insert, text
from sqlmodel import Session, SQLModel

from catalog import tables, workdays
from catalog.access.grants import Grant
from catalog.acquisition.agreements import Agreement, AgreementAgency, AgreementChannel
from catalog.acquisition.channels import ChannelAttempt
from catalog.acquisition.spending import Spend
from catalog.acquisition.steps import AgreementStep
from catalog.acquisition.terms import CollectionTerms, PurchaseTerms, RequestTerms
from catalog.audit import chain
from catalog.deliveries.batches import Batch
from catalog.deliveries.quality import QualityResult
from catalog.entries import tokenizer
from catalog.entries.codes import Code, CodeList, ResourceClass
from catalog.entries.contracts import ContractVersion
from catalog.entries.resources import CYCLES, Resource, ResourceCode
from catalog.entries.search_index import SearchEntry
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.identity.people import Person, Role
from catalog.lineage.graph import LineageEdge
from catalog.releases.releases import Release
from catalog.store import database
from catalog.store.jobs import Job
from contracts.clock import now, today

Row = TypeVar("Row")
HUB, PARTNER, PROVIDER = "hub", "body-2", "body-3"
CHUNK = 2000
FIELDS = ("水利", "气象", "交通", "市场监管", "民政", "自然资源", "农业农村", "教育", "卫生健康", "生态环境")
THINGS = (
    "水库",
    "道路",
    "企业",
    "医院",
    "学校",
    "河道",
    "桥梁",
    "堤防",
    "仓库",
    "站点",
    "许可",
    "处罚",
    "检测",
    "车辆",
    "船舶",
)
KINDS = ("名录", "台账", "监测数据", "统计信息", "基本信息", "登记信息", "检查记录")
ITEMS = (("code", "编号"), ("name", "名称"), ("division", "行政区划"), ("address", "地址"), ("level", "等级"), ("day", "日期"))
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:{name}
name: {title}
version: {version}
status: active
tenant: {owner}
description: {{purpose: {title}}}
schema:
- name: {name}
  physicalName: {name}
  logicalType: object
  properties:
  - {{name: code, businessName: 编号, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true}}
  - {{name: name, businessName: 名称, logicalType: string}}
  - {{name: division, businessName: 行政区划, logicalType: string}}
  - {{name: address, businessName: 地址, logicalType: string}}
  - {{name: level, businessName: 等级, logicalType: integer}}
  - {{name: day, businessName: 日期, logicalType: date}}
customProperties:
- {{property: library, value: {library}}}
- {{property: route, value: {route}}}
- {{property: sharingType, value: {sharing}}}
- {{property: sharingCondition, value: 经同意}}
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large: agencies of the largest collection are `bodies` ÷ 10."""

    resources: int = 100_000
    agreements: int = 10_000
    batches: int = 400_000
    bodies: int = 3_000
    people: int = 2_000
    grants: int = 5_000
    jobs: int = 3_000
    audit: int = 20_000
    attempts: int = 50_000


LARGE = Size()
SMALL = Size(
    resources=1_000, agreements=100, batches=4_000, bodies=100, people=30, grants=100, jobs=60, audit=400, attempts=500
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in: the cookie's token, and a key."""

    login: str
    token: str
    key: str


@dataclass(frozen=True, slots=True)
class Large:
    """What the pages ask for: names of rows that have most around them, and a reader of each role."""

    readers: Mapping[str, Reader]
    resource: str = "set_0"
    agreement: str = "A-000000"
    collection: str = "A-000002"
    batch: str = "b0"
    job: str = "j0"
    organization: str = HUB
    login: str = "steward"


def fill(url: str, size: Size = LARGE, seed: int = 7) -> Large:
    """Migrate the catalogue of that URL and fill it."""
    database.migrate(url)
    with database.session(url) as session:
        workdays.seed(session)
        _Filling(session, size, random.Random(seed)).fill()
        organizations.set_own(session, HUB)
        readers = {role: _reader(session, role, body) for role, body in ROLES.items()}
    with database.engine(url).connect() as connection:
        if connection.dialect.name != "sqlite":
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    database.keep_statistics(url)
    return Large(readers)


ROLES = {"administrator": HUB, "steward": HUB, "auditor": HUB, "analyst": HUB, "partner": PARTNER, "provider": PROVIDER}


def _reader(session: Session, role: str, body: str) -> Reader:
    person = people.add_person(session, role, role, body, [role])
    return Reader(role, people.begin(session, person)[1], people.issue_key(session, person)[1])


@dataclass
class _Filling:
    """The rows of one catalogue."""

    session: Session
    size: Size
    dice: random.Random

    def fill(self) -> None:
        """Every table, those that others point to first."""
        self.day = today()
        self.moment = now().replace(microsecond=0)
        self.bodies = [HUB, *(f"body-{number}" for number in range(1, self.size.bodies))]
        self._write(Organization, self._organizations())
        self._write(Person, self._people())
        self._write(ResourceClass, self._classes())
        self._write(CodeList, [{"name": "division", "title": "行政区划"}])
        divisions = ({"list_name": "division", "code": f"{n:06d}", "label": f"区划{n}", "position": n} for n in range(3000))
        self._write(Code, divisions)
        self.resources = list(self._resources())
        self._write(Resource, self.resources)
        self._write(ResourceCode, self._codes())
        self._write(ContractVersion, self._contracts())
        self._write(SearchEntry, self._entries())
        self._terms()
        self.agreements = list(self._agreements())
        self._write(Agreement, self.agreements)
        for table, rows in self._around_agreements().items():
            self._write(table, rows)
        self.batches = list(self._batches())
        self._write(Batch, self.batches)
        for table, rows in self._around_batches().items():
            self._write(table, rows)
        self._write(ChannelAttempt, self._attempts())
        self._write(Release, self._releases())
        self._write(Grant, self._grants())
        self._write(LineageEdge, self._edges())
        self._write(Job, self._jobs())
        self._audit()

    def _write(self, model: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows into a table; what they do not say is what the model has by itself."""
        table: Table = tables.metadata.tables[str(model.__tablename__)]
        filled = (_with_defaults(model, row) for row in rows)
        connection = self.session.connection()
        if connection.dialect.name == "sqlite":
            for some in _chunks(filled):
                connection.execute(insert(table), some)
            return
        _copy(connection, table, filled)

    def _organizations(self) -> Iterator[dict[str, Any]]:
        yield {"id": HUB, "name": "数据管理局", "name_en": "Data bureau", "kind": "department", "division": "33"}
        for number, body in enumerate(self.bodies[1:], start=1):
            level = "province" if number < 60 else "city" if number < 72 else "county"
            kind = "department" if level == "province" else "agency"
            parent = HUB if level != "county" else self.bodies[60 + number % 12] if len(self.bodies) > 72 else HUB
            name = f"{FIELDS[number % len(FIELDS)]}局{number}"
            yield {
                "id": body, "name": name, "name_en": f"Bureau {number}", "kind": kind, "level": level, "parent_id": parent,
                "division": f"33{number:04d}",
            }  # fmt: skip

    def _people(self) -> Iterator[dict[str, Any]]:
        for number in range(self.size.people):
            role = list(Role)[number % len(Role)]
            body = HUB if role in ("steward", "administrator") else self.dice.choice(self.bodies)
            yield {"id": f"p{number}", "login": f"p{number}", "name": f"人员{number}", "organization_id": body, "roles": [role]}

    def _classes(self) -> Iterator[dict[str, Any]]:
        for first in range(1, 5):
            yield {"code": f"{first}", "name": f"类{first}信息资源", "level": 1}
            for second in range(1, 21):
                yield {"code": f"{first}{second:02d}", "name": f"项{first}{second:02d}", "level": 2}
                for third in range(1, 6):
                    yield {"code": f"{first}{second:02d}{third:03d}", "name": f"目{third}", "level": 3}

    def _resources(self) -> Iterator[dict[str, Any]]:
        dice = self.dice
        for number in range(self.size.resources):
            title = f"{dice.choice(FIELDS)}{dice.choice(THINGS)}{dice.choice(KINDS)}{number}"
            classed = f"{dice.randint(1, 4)}{dice.randint(1, 20):02d}{dice.randint(1, 5):03d}"
            due = self.day + timedelta(days=dice.randint(-3, 60)) if dice.random() < 0.7 else None
            loaded = number < self.size.agreements or dice.random() < 0.5
            state = dice.choices(("published", "draft", "registered", "withdrawn"), (950, 3, 2, 45))[0]
            yield {
                "id": f"r{number}", "name": f"set_{number}", "title": title, "title_en": f"Records {number}",
                "library": dice.choices(("resource", "theme", "topic"), (90, 8, 2))[0],
                "route": dice.choices(("request", "buy", "collect", "derived"), (60, 5, 25, 10))[0],
                "class_code": classed, "code": f"{classed}/{number:06d}", "provider_id": self._provider(number),
                "abstract": f"{title}，含编号、名称、等级，按{dice.choice(CYCLES)}更新。", "formats": [dice.choice((2, 3, 7))],
                "sharing": dice.choices((1, 2, 3), (20, 70, 10))[0], "sharing_condition": "经同意",
                "sharing_uses": ["工作参考"], "cycle": dice.choice(CYCLES), "grade": dice.choice(("L1", "L2", "L3")),
                "state": state if number else "published", "rows": dice.randint(1, 100_000) if loaded else 0,
                "bytes": dice.randint(1000, 10_000_000) if loaded else 0,
                "quality": round(dice.uniform(60, 100), 1) if loaded else None, "last_version": 2 if loaded else 0,
                "updated_at": self._ago(90) if loaded else None, "next_due": due, "created_at": self._ago(700),
            }  # fmt: skip

    def _provider(self, number: int) -> str:
        return PROVIDER if number % 500 == 0 else self.bodies[int(len(self.bodies) * self.dice.random() ** 2)]

    def _ago(self, days: int) -> datetime:
        return self.moment - timedelta(seconds=self.dice.randint(60, days * 86_400))

    def _codes(self) -> Iterator[dict[str, Any]]:
        for number, one in enumerate(self.resources):
            yield {"code": one["code"], "class_code": one["class_code"], "sequence": number, "resource_id": one["id"]}

    def _contracts(self) -> Iterator[dict[str, Any]]:
        for number, one in enumerate(self.resources):
            words = {
                "owner": one["provider_id"],
                **{name: one[name] for name in ("name", "title", "library", "route", "sharing")},
            }
            for version, status in (("1.0.0", "retired"), ("1.1.0", "active")) if number % 10 == 0 else (("1.0.0", "active"),):
                yield {
                    "dataset": one["name"], "version": version, "status": status, "origin": "pack", "sha256": f"{number:064x}",
                    "text": CONTRACT.format(version=version, **words),
                }  # fmt: skip

    def _entries(self) -> Iterator[dict[str, Any]]:
        items = [{"name": name, "title": title, "title_en": name, "labels": []} for name, title in ITEMS]
        for number, one in enumerate(self.resources):
            yield {
                "id": number + 1, "resource_id": one["id"], "items": items, "item_count": len(items), "codes": [one["code"]],
                "item_kinds": {"1": [name for name, _ in ITEMS]}, "organization": f"{one['provider_id']}局",
                "class_path": "类 › 项 › 目",
            }  # fmt: skip

    def _terms(self) -> None:
        """The full-text index: one table of its own on each database."""
        connection = self.session.connection()
        told = [word for name, title in ITEMS for word in (title, name)]
        for some in _chunks(enumerate(self.resources, start=1)):
            if connection.dialect.name == "sqlite":
                statement = (
                    "INSERT INTO resource_terms (rowid, title, names, provider, abstract, items) "
                    "VALUES (:id, :title, :names, :provider, :abstract, :items)"
                )
                texts = ((number, _words(one, told).items()) for number, one in some)
                packed = [
                    {"id": number, **{name: tokenizer.fts5_text(words) for name, words in told_}} for number, told_ in texts
                ]
                connection.execute(text(statement), packed)
                continue
            weights = {"title": "A", "names": "A", "provider": "C", "abstract": "D", "items": "B"}
            vectors = [
                {"id": number, "terms": tokenizer.tsvector((weights[name], texts) for name, texts in _words(one, told).items())}
                for number, one in some
            ]
            connection.execute(text("INSERT INTO resource_terms (id, terms) VALUES (:id, CAST(:terms AS tsvector))"), vectors)

    def _agreements(self) -> Iterator[dict[str, Any]]:
        dice = self.dice
        for number in range(self.size.agreements):
            route = ("request", "buy", "collect")[number % 3]
            states = ("needed", "accepted", "signed", "active", "ended", "refused")
            state = dice.choices(states, (3, 3, 4, 75, 12, 3))[0] if number > 3 else "active"
            since = self.day - timedelta(days=dice.randint(30, 900))
            signed = since + timedelta(days=20) if state in ("signed", "active", "ended") else None
            yield {
                "id": f"A-{number:06d}", "route": route, "dataset": f"set_{number}", "title": self.resources[number]["title"],
                "purpose": "监管", "state": state, "provider_id": self._provider(number), "needed_on": since,
                "steward_id": f"p{dice.randrange(self.size.people)}", "signed_on": signed, "cycle": dice.choice(CYCLES[:4]),
                "signed_due": self._near(20) if state == "accepted" else None,
                "valid_until": self._near(700) if dice.random() < 0.5 else None,
                "delivery_due": self._near(40) if signed and route != "collect" else None,
                "answered_on": since if route == "request" and state != "needed" else None,
            }  # fmt: skip

    def _near(self, most: int) -> date:
        """A day ahead; of one in twenty it has passed."""
        return self.day + timedelta(days=self.dice.randint(0, most) if self.dice.random() > 0.05 else -3)

    def _around_agreements(self) -> Mapping[type[SQLModel], Iterable[dict[str, Any]]]:
        asked, bought, collected = (self.agreements[at::3] for at in range(3))
        terms = ((period, due, months) for period in ("month", "quarter", "year") for due in (5, 28) for months in (0, 1))
        kinds = list(terms)
        return {
            RequestTerms: ({"agreement_id": one["id"], "answer_due": self._near(20)} for one in asked),
            PurchaseTerms: ({"agreement_id": one["id"], "price_per_record": 1, "ceiling": 1_000_000} for one in bought),
            CollectionTerms: (
                {"agreement_id": one["id"], "period": period, "due_day": due, "due_months": months}
                for one, (period, due, months) in ((one, self.dice.choice(kinds)) for one in collected)
            ),
            AgreementChannel: (
                {"agreement_id": one["id"], "number": 1, "kind": "folder", "settings": {"path": one["dataset"]}}
                for one in self.agreements
            ),
            AgreementAgency: (
                {"agreement_id": one["id"], "organization_id": body} for one in collected for body in self._agencies(one["id"])
            ),
            AgreementStep: (
                {"agreement_id": one["id"], "act": act, "after": one["state"], "day": one["needed_on"], "by": "steward"}
                for one in self.agreements
                for act in ("need.enter", "need.answer", "agreement.sign")
            ),
        }

    def _agencies(self, agreement: str) -> list[str]:
        number = int(agreement[2:])
        count = len(self.bodies) // 10 if number == 2 else 12
        begin = 60 % len(self.bodies) + number % 50
        return [self.bodies[(begin + at) % len(self.bodies)] for at in range(count)]

    def _batches(self) -> Iterator[dict[str, Any]]:
        """One in a hundred agreements has a third of the batches."""
        dice, many = self.dice, max(1, self.size.agreements // 100)
        states = ("loaded", "partial", "corrected", "returned", "refused", "undone", "held")
        periods = [f"{self.day.year - back}-{month:02d}" for back in range(3) for month in range(12, 0, -1)]
        for number in range(self.size.batches):
            one = self.agreements[dice.randrange(many if number % 3 == 0 else self.size.agreements) if number else 0]
            at = self.moment - timedelta(minutes=2 * (self.size.batches - number))
            state = dice.choices(states, (900, 30, 40, 10, 15, 4, 1))[0]
            received = dice.randint(1, 5000)
            refused = {"partial": received // 50 + 1, "corrected": 5}.get(state, 0)
            refused = received if state in ("returned", "refused") else min(refused, received)
            accepted = 0 if state in ("undone", "held") else received - refused
            collects = one["route"] == "collect"
            sender = dice.choice(self._agencies(one["id"])) if collects else one["provider_id"]
            yield {
                "id": f"b{number}", "dataset": one["dataset"], "contract_version": "1.0.0", "sha256": f"{number:064x}",
                "bytes": received * 100, "filename": f"{number}.csv", "media": "csv", "route": one["route"],
                "agreement_id": one["id"], "organization_id": sender,
                "period": dice.choice(periods) if collects else "", "state": state, "sequence": number + 1,
                "received_at": at, "finished_at": at, "received": received, "accepted": accepted, "quarantined": refused,
                "inserted": accepted, "mended": refused if state == "corrected" or dice.random() < 0.97 else 0,
                "mark": f"m{number}",
            }  # fmt: skip

    def _around_batches(self) -> Mapping[type[SQLModel], Iterable[dict[str, Any]]]:
        rules = (("required", "completeness"), ("unique", "uniqueness"), ("format", "conformity"))
        spent = (one for one in self.batches if one["route"] == "buy" and one["accepted"])
        return {
            QualityResult: (
                {
                    "dataset": one["dataset"], "batch_id": one["id"], "rule": rule, "item": "code", "dimension": dimension,
                    "rows": one["received"], "failed": one["quarantined"], "measured_at": one["received_at"],
                }
                for one in self.batches
                for rule, dimension in rules
            ),
            Spend: (
                {"batch_id": one["id"], "agreement_id": one["agreement_id"], "records": one["accepted"],
                 "amount": one["accepted"]}
                for one in spent
            ),
        }  # fmt: skip

    def _attempts(self) -> Iterator[dict[str, Any]]:
        for number in range(self.size.attempts):
            one = self.agreements[number % self.size.agreements]
            failed = one["id"].endswith("77")
            yield {
                "agreement_id": one["id"], "dataset": one["dataset"], "channel": "folder",
                "reason": "找不到文件" if failed else "",
                "outcome": "failed" if failed else "taken", "at": self._ago(300),
            }  # fmt: skip

    def _releases(self) -> Iterator[dict[str, Any]]:
        for one in self.resources:
            for version in range(1, one["last_version"] + 1):
                yield {
                    "resource_id": one["id"], "version": version, "snapshot": version, "rows": one["rows"],
                    "contract_version": "1.0.0", "released_by": "steward",
                    "released_at": self._ago(60 if version == 2 else 300),
                }  # fmt: skip

    def _grants(self) -> Iterator[dict[str, Any]]:
        for number in range(self.size.grants):
            resource = self.resources[number * 7 % self.size.resources]
            body = PARTNER if number % 10 == 0 else self.dice.choice(self.bodies)
            ended = self._ago(100) if number % 20 == 3 else None
            yield {
                "id": f"g{number}", "resource_id": resource["id"], "organization_id": body, "purpose": "监管",
                "granted_by": "steward", "granted_at": self._ago(500), "revoked_at": ended,
            }  # fmt: skip

    def _edges(self) -> Iterator[dict[str, Any]]:
        """Every entry from its landing; derived ones from three others, in steps: no circle, and a chain some steps long."""
        for number, one in enumerate(self.resources):
            name = f"{one['library']}.{one['name']}"
            sources = {f"landing.{one['name']}"}
            if one["route"] == "derived" and number > 10:
                below = (self.resources[self.dice.randrange(number)] for _ in range(3))
                sources = {f"{other['library']}.{other['name']}" for other in below}
            for source in sources:
                for item in ("", "code"):
                    yield {"source": source, "source_item": item, "target": name, "target_item": item, "job": f"load.{number}"}

    def _jobs(self) -> Iterator[dict[str, Any]]:
        for number in range(self.size.jobs):
            at = self._ago(80)
            yield {
                "id": f"j{number}", "act": "deliver",
                "caller": "steward" if number % 3 == 0 else f"p{number % self.size.people}",
                "subject": {}, "payload": {}, "state": "done" if number % 50 else "failed", "created_at": at, "started_at": at,
                "finished_at": at, "object": f"set_{number % self.size.resources}",
                "problem": None if number % 50 else {"classes": ["HubError"], "message": "失败", "message_en": "failed"},
            }  # fmt: skip

    def _audit(self) -> None:
        """A chain that verifies."""
        rows, before = [], chain.GENESIS
        for number in range(1, self.size.audit + 1):
            record = chain.AuditRecord(
                sequence=number, at=datetime.fromtimestamp(1_700_000_000 + number, UTC), actor=f"p{number % self.size.people}",
                action=("read-rows", "sign-in", "batch.load", "resource.update")[number % 4], object=f"set_{number % 1000}",
                outcome="refused" if number % 40 == 0 else "done", previous=before, hash="",
            )  # fmt: skip
            before = record.hash = chain.digest(record)
            rows.append(record.model_dump())
        self._write(chain.AuditRecord, rows)
        self._write(chain.AuditHead, [{"id": 1, "last": len(rows), "hash": before}])


def _words(one: Mapping[str, Any], items: list[str]) -> dict[str, list[str]]:
    return {
        "title": [one["title"], one["title_en"]],
        "names": [one["name"], one["code"]],
        "provider": [f"{one['provider_id']}局"],
        "abstract": [one["abstract"], "类 › 项 › 目"],
        "items": items,
    }


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Callable[[], Any]]:
    """What makes each column's value where a row says none; a number that the database gives is left to it."""
    made: dict[str, Callable[[], Any]] = {}
    for name, field in model.model_fields.items():
        factory: Any = field.default_factory or (lambda value=field.default: value)
        if not (name == "id" and field.default is None):
            made[name] = factory
    return made


def _with_defaults(model: type[SQLModel], row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {name: make() for name, make in _defaults(model).items() if name not in row}


def _copy(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """PostgreSQL takes rows fastest by COPY."""
    driver: Any = connection.connection.driver_connection
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return
    names = list(first)
    quoted = ", ".join(f'"{name}"' for name in names)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as copy:
        copy.write_row([_plain(first[name]) for name in names])
        for row in iterator:
            copy.write_row([_plain(row[name]) for name in names])


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(islice(iterator, CHUNK)):
        yield some


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
