"""An input for every act, fit for the hub of `tests.sharing`: what is refused, and what is done, is asked for with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from sqlmodel import select

from catalog import workdays
from catalog.access import grants
from catalog.acquisition.agreements import Agreement
from catalog.audit import sealing
from catalog.deliveries.batches import Batch, BatchState
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity import people, signins
from catalog.identity.people import Person
from catalog.store import jobs
from catalog.workflow import STATES
from contracts.clock import today
from hub.table import ACTS
from tests import agreeing, packing
from tests.sharing import CONTRACT, PURPOSE, Hub

PASSWORD = "a long enough password 4711"


def _grant(hub: Hub) -> str:
    with hub.session() as session:
        entry = resources.get(session, "hazard")
        return next(one.id for one in grants.grants(session, resource_id=entry.id, organization_id="hlj-transport"))


def _key(hub: Hub) -> str:
    with hub.session() as session:
        return people.issue_key(session, people.get_person(session, "other"))[0].prefix


def _session(hub: Hub) -> str:
    with hub.session() as session:
        _, token = people.begin(session, people.get_person(session, "other"))
        assert token
        return signins.listed(session, people.get_person(session, "other"))[0].id


def _password(hub: Hub, login: str) -> str:
    with hub.session() as session:
        person = people.get_person(session, login)
        if not person.password_hash:
            people.set_password(session, person, PASSWORD)
    return PASSWORD


def _broken(hub: Hub) -> str:
    """A chain with a finding: its key is there, a line of its head file cannot be read."""
    sealing.make_key(hub.settings.audit_key)
    hub.settings.audit_head.parent.mkdir(exist_ok=True)
    hub.settings.audit_head.write_text("not a seal\n", encoding="ascii")
    return "查明：磁盘修复时损坏"


def _in_a_table(hub: Hub) -> str:
    """A day of a year that has its table."""
    with hub.session() as session:
        workdays.seed(session)
        return f"{max(workdays.calendar(session).years)}-06-01"


def _rule(hub: Hub) -> str:
    with hub.session() as session:
        workdays.seed(session)
    return "answer-conditional"


def _pack(hub: Hub) -> str:
    """A pack in use that nothing hangs on."""
    with hub.session() as session:
        packing.in_use(session, hub.settings, packing.LIBRARY)
    return "library"


def _backups(hub: Hub) -> bool:
    """A folder for backups is set."""
    hub.settings.backups = str(hub.settings.root.parent / "backups")
    return True


def _closed(hub: Hub) -> str:
    with hub.session() as session:
        if session.exec(select(Person).where(Person.login == "gone")).first() is None:
            people.deactivate(session, people.add_person(session, "gone", "离岗", "hlj-water", ["partner"]))
    return "gone"


def _batch(hub: Hub) -> str:
    """A batch of a vendor that waits for an answer."""
    with hub.session() as session:
        if session.get(Batch, "20260101-0001") is None:
            session.add(
                Batch(
                    id="20260101-0001",
                    dataset="hazard",
                    organization_id="hlj-power",
                    contract_version="1.0.0",
                    sha256="0" * 64,
                    filename="a.csv",
                    bytes=1,
                    route="collect",
                    sequence=1,
                    state=BatchState.HELD,
                )
            )
    return "20260101-0001"


def _unpublished(hub: Hub) -> str:
    """A draft that has all it needs."""
    with hub.session() as session:
        if session.exec(select(Resource).where(Resource.name == "drafted")).first() is None:
            needed = {"class_code": "205001", "abstract": "a", "formats": [3], "sharing": 1, "sharing_uses": ["工作参考"]}
            session.add(Resource(name="drafted", title="草稿", provider_id="hlj-emergency", state="draft", **needed))
    return "drafted"


NEXT_VERSION = CONTRACT.format(dataset="hazard", title="重大危险源目录", owner="hlj-emergency", sharing=2, route="collect")
NEXT_VERSION = NEXT_VERSION.replace("version: 1.0.0", "version: 1.1.0")


def _job(hub: Hub) -> str:
    """A job of another's that waits, because nobody does it."""
    with hub.session() as session:
        return jobs.add(session, jobs.Job(act="release", caller="other", subject={}, payload={})).id


WAIT = {"Prefer": "wait=10"}
"""Long acts are done before they are answered."""


def _agreement(hub: Hub, state: str, number: str = "YQ-2026-777") -> str:
    """A need put to the body whose people the tests have, in a state; a new one each time it is wanted in another."""
    number = f"{number}{STATES.index(state):02d}"
    with hub.session() as session:
        if session.get(Agreement, number) is None:
            agreeing.enter(
                session, id=number, route="request", dataset="hazard", title="重大危险源", purpose="安全监管",
                provider_id="hlj-emergency", state=state, needed_on=today(),
            )  # fmt: skip
    return number


NEED = {
    "route": "request",
    "dataset": "river_level",
    "title": "河流水位",
    "purpose": "山洪预警",
    "provider": "hlj-water",
    "channels": [{"kind": "folder", "path": "inbox/river_level"}],
}
EXAMPLES: Mapping[str, Callable[[Hub], dict[str, Any]]] = {
    "people.add": lambda _: {"login": "newcomer", "organization": "hlj-water", "roles": ["partner"]},
    "key.issue": lambda _: {"login": "other", "label": "月报程序", "days": 30},
    "key.revoke": lambda hub: {"prefix": _key(hub)},
    "people.password": lambda _: {"login": "other", "password": "a long enough password 4711"},
    "people.close": lambda _: {"login": "other"},
    "people.reopen": lambda hub: {"login": _closed(hub)},
    "people.change": lambda _: {"login": "other", "roles": ["partner", "analyst"], "name": "新名"},
    "organization.change": lambda _: {"organization": "hlj-water", "phone": "0451-0000"},
    "own.password": lambda hub: {"old": _password(hub, "owner"), "new": "another long password 4711"},
    "own.key": lambda hub: {"password": _password(hub, "owner")},
    "audit.list": lambda _: {"action": "people.add", "limit": 5},
    "audit.verify": lambda _: {},
    "audit.seal": lambda _: {},
    "audit.accept": lambda hub: {"reason": _broken(hub)},
    "calendar.import": lambda _: {"year": 2031, "days": [{"date": "2031-01-01", "working": False, "name": "元旦"}]},
    "calendar.set": lambda hub: {"day": _in_a_table(hub), "working": False, "name": "特别假日"},
    "rule.set": lambda hub: {"step": _rule(hub), "days": 5, "basis": "省政府办公厅通知"},
    "doctor": lambda _: {},
    "pack.add": lambda _: {"filename": "library.zip"},
    "pack.list": lambda _: {"past": True},
    "pack.remove": lambda hub: {"pack": _pack(hub)},
    "lineage.receive": lambda _: {
        "event": {
            "eventType": "COMPLETE",
            "eventTime": "2026-03-11T09:00:00Z",
            "run": {"runId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
            "job": {"namespace": "etl", "name": "nightly"},
            "inputs": [{"namespace": "hui", "name": "resource.hazard"}],
            "outputs": [{"namespace": "hui", "name": "theme.hazard"}],
        }
    },
    "lake.maintain": lambda _: {"keep_days": 30},
    "backup": lambda hub: {"copy_files": _backups(hub)},
    "session.end": lambda hub: {"session": _session(hub)},
    "organization.add": lambda _: {"id": "hlj-forest", "name": "黑龙江省林草局"},
    "release": lambda _: {"resource": "hazard", "note": "新版"},
    "recall": lambda _: {"resource": "hazard", "version": 1, "reason": "坐标系有误"},
    "grant": lambda _: {"resource": "hazard", "organization": "hlj-water", "purpose": PURPOSE},
    "answer-batch": lambda hub: {"batch": _batch(hub), "nil": True},
    "undo-batch": lambda hub: {"batch": _batch(hub), "reason": "测试文件"},
    "pass-batch": lambda hub: {"batch": _batch(hub), "reason": "特殊情况"},
    "discard-batch": lambda hub: {"batch": _batch(hub), "reason": "测试文件"},
    "export-quarantine": lambda hub: {"batch": _batch(hub), "kind": "csv"},
    "check-rows": lambda hub: {"batch": _batch(hub), "rows": [{"row": 2, "values": {"id": "a"}}]},
    "correct-rows": lambda hub: {"batch": _batch(hub), "rows": [{"row": 2, "values": {"id": "a"}}]},
    "deliver": lambda _: {"resource": "hazard", "filename": "a.csv"},
    "rebuild": lambda _: {"resource": "hazard"},
    "onboard.inspect": lambda _: {"filename": "a.csv"},
    "onboard.answer": lambda _: {"onboarding": "none", "answers": [{"option": "--header", "value": "1"}]},
    "onboard": lambda _: {"onboarding": "none"},
    "onboard.discard": lambda _: {"onboarding": "none"},
    "entry.edit": lambda _: {"resource": "hazard", "class_code": "205001", "sharing_uses": ["工作参考"]},
    "entry.publish": lambda hub: {"resource": _unpublished(hub)},
    "entry.withdraw": lambda _: {"resource": "hazard", "reason": "由新目录代替"},
    "contract.save": lambda _: {"text": NEXT_VERSION},
    "explain": lambda _: {"resource": "hazard", "item": "level", "value": "很高"},
    "contract.compare": lambda _: {"resource": "hazard", "version": "1.0.0"},
    "contract.activate": lambda _: {"resource": "hazard", "version": "1.0.0"},
    "query": lambda _: {"sql": "SELECT count(*) AS number FROM resource.hazard", "purpose": PURPOSE},
    "job.cancel": lambda hub: {"job": _job(hub)},
    "need.match": lambda _: {"title": "重大危险源", "items": [{"name": "R 值"}]},
    "need.enter": lambda _: dict(NEED),
    "need.answer": lambda hub: {"agreement": _agreement(hub, "needed"), "answer": "accept", "text": "同意"},
    "need.extend": lambda hub: {"agreement": _agreement(hub, "needed"), "reason": "数据正在整理", "authority": "省数据局"},
    "need.consent": lambda hub: {"agreement": _agreement(hub, "answered"), "head": "王建国"},
    "need.send": lambda hub: {"agreement": _agreement(hub, "consented")},
    "need.link": lambda hub: {"agreement": _agreement(hub, "needed")},
    "need.ask": lambda hub: {"agreement": _agreement(hub, "needed"), "missing": "使用范围"},
    "need.complete": lambda hub: {"agreement": _agreement(hub, "incomplete"), "text": "减灾处"},
    "need.comment": lambda hub: {"agreement": _agreement(hub, "needed"), "text": "基准面是哪一个？"},
    "need.dispute": lambda hub: {"agreement": _agreement(hub, "refused"), "reason": "依据不足"},
    "need.settle": lambda hub: {
        "agreement": _agreement(hub, "disputed"),
        "outcome": "accept",
        "body": "省数据局",
        "text": "经协调同意",
    },
    "agreement.remind": lambda hub: {"agreement": _agreement(hub, "active"), "text": "请尽快提供"},
    "agreement.sign": lambda hub: {"agreement": _agreement(hub, "accepted")},
    "agreement.change": lambda hub: {"agreement": _agreement(hub, "accepted"), "reason": "更正", "cycle": "每周"},
    "agreement.renew": lambda hub: {"agreement": _agreement(hub, "active"), "reason": "续签", "valid_until": "2099-12-31"},
    "agreement.end": lambda hub: {"agreement": _agreement(hub, "active"), "reason": "业务调整"},
    "channel.test": lambda _: {"kind": "folder", "settings": {"path": "inbox/water"}},
    "revoke": lambda hub: {"grant": _grant(hub), "reason": "协议到期"},
}


def test_every_act_has_its_example() -> None:
    assert set(EXAMPLES) == set(ACTS)


def asked(act: str, given: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Method, address and body of an act at the API."""
    one = ACTS[act]
    method, _, path = one.api.partition(" ")
    body = {name: value for name, value in given.items() if name not in one.places}
    if act in ("deliver", "onboard.inspect", "pack.add"):
        path += "?filename=a.csv"
    if act == "lineage.receive":
        body = body["event"]  # the body is the event itself, as the clients of OpenLineage send it
    if method == "GET" and body:
        path += f"?{urlencode(body)}"
    return method, "/api/v1" + path.format(**given), body
