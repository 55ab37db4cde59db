"""What a recipient may read, decided in sets: the same as asked of each entry, whoever asks and whatever changes."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from sqlmodel import Session, col, select

from catalog import access
from catalog.access import alike
from catalog.access.grants import Grant
from catalog.access.policy_set import FOLDER
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry
from catalog.identity.organizations import Organization
from catalog.identity.people import Role, Subject
from catalog.overview import shared
from catalog.releases.releases import Release
from catalog.store import database
from contracts.clock import now
from contracts.odcs import loader
from tests.catalog import making
from tests.counting import statements

BODIES = {"water": "department", "hub": "department", "jixi": "agency", "vendor": "vendor", "gone": "department"}
SUBJECTS = [
    Subject("wang", organization_id="jixi", roles=frozenset({Role.PARTNER}), kind="key"),
    Subject("qian", organization_id="vendor", roles=frozenset({Role.PARTNER}), kind="key"),
    Subject("gone", organization_id="gone", roles=frozenset({Role.PARTNER}), kind="key"),
    Subject("none", roles=frozenset({Role.PARTNER}), kind="key"),
    Subject("zhou", organization_id="hub", roles=frozenset({Role.ANALYST}), kind="key"),
    Subject("both", organization_id="water", roles=frozenset({Role.ANALYST, Role.PROVIDER}), kind="key"),
    Subject("gao", organization_id="water", roles=frozenset({Role.PROVIDER}), kind="key"),
    Subject("li", organization_id="hub", roles=frozenset({Role.STEWARD}), kind="key"),
    Subject("admin", organization_id="hub", roles=frozenset({Role.ADMINISTRATOR}), kind="key"),
    Subject("sun", organization_id="water", roles=frozenset({Role.AUDITOR, Role.PROVIDER}), kind="key"),
]


def fill(session: Session, count: int, seed: int = 3, since: int = 0) -> None:
    """Entries of every kind that decisions tell apart, with versions, purchases and grants, none of them usual."""
    dice = random.Random(seed)
    for body, kind in BODIES.items():
        if session.get(Organization, body) is None:
            making.organization(session, body, body, kind=kind, active=body != "gone")
    for number in range(since, since + count):
        one = _entry(session, f"set_{number}", dice)
        for version in range(dice.randint(0, 2)):
            recalled = now() if dice.random() < 0.3 else None
            told: Any = {"contract_version": "1.0.0", "rows": 1, "released_by": "x", "snapshot": 1, "recalled_at": recalled}
            session.add(Release(resource_id=one.id, version=version + 1, **told))
        if one.route == "buy":
            _bought(session, one, dice)
        for _ in range(dice.choice((0, 0, 1, 1, 2))):
            session.add(_grant(one, dice))
    session.flush()
    session.expire_all()


def _entry(session: Session, name: str, dice: random.Random) -> Resource:
    text = making.text(name, items={"code": "编号", "name": "名称", "phone": "电话"}, owner=dice.choice(("water", "hub")))
    text = re.sub("classification: L1", lambda _: f"classification: {dice.choice(('L1', 'L1', 'L2', 'L3', 'L4'))}", text)
    for item in ("name", "phone"):
        if dice.random() < 0.4:
            own = f"  - name: {item}\n    customProperties:\n    - property: personal\n      value: name\n"
            text = text.replace(f"  - name: {item}\n", own)
    registry.register(session, loader.parse(text), by="test", origin="pack")
    one = session.exec(select(Resource).where(Resource.name == name)).one()
    one.sharing, one.library = dice.choice((1, 1, 2, 2, 3)), dice.choice(("resource", "resource", "theme", "topic"))
    one.route, one.category = dice.choice(("request", "buy")), dice.choice(("general", "general", "general", "important"))
    one.state = dice.choice(("published", "published", "published", "published", "withdrawn", "draft"))
    return one


def _bought(session: Session, one: Resource, dice: random.Random) -> None:
    for turn in range(dice.randint(0, 2)):
        number = f"A-{one.name}-{turn}"
        told: Any = {"title": "x", "purpose": "x", "provider_id": "vendor", "needed_on": date(2026, 3, 2)}
        session.add(Agreement(id=number, route="buy", dataset=one.name, **told))
        session.flush()
        price: Any = {"price_per_record": 1, "ceiling": 10}
        session.add(PurchaseTerms(agreement_id=number, redistribution=dice.random() < 0.7, **price))


def _grant(one: Resource, dice: random.Random) -> Grant:
    at = now()
    items = dice.choice(([], [], [], ["code"], ["name", "phone"], ["there_is_none"]))
    masks = dice.choice(({}, {}, {"name": {"kind": "null"}}, {"code": {"kind": "hash"}}))
    return Grant(
        resource_id=one.id,
        organization_id=dice.choice(("jixi", "vendor", "vendor", "hub", "gone")), purpose=dice.choice(("", "监管")),
        items=items, masks=masks, row_filter=dice.choice(("", "", "code = '1'")),
        granted_at=at - timedelta(days=dice.randint(2, 9)),
        expires_at=at + timedelta(days=dice.choice((-1, 30))) if dice.random() < 0.5 else None,
        revoked_at=at - timedelta(days=1) if dice.random() < 0.25 else None, granted_by="x",
    )  # fmt: skip


def each(session: Session, subject: Subject, told: Mapping[str, bool]) -> list[Resource]:
    """What the policies say of each entry by itself (they are asked where it was not told), in the order of the lists."""
    in_force = select(Release.resource_id).where(col(Release.recalled_at).is_(None))
    asked = select(Resource).where(col(Resource.id).in_(in_force), Resource.state == "published")
    granted = set(session.exec(select(Grant.resource_id).where(Grant.organization_id == subject.organization_id)))
    every = session.exec(asked).all()
    found = [one for one in every if (told[one.id] if told else access.may(session, subject, "download", one))]
    return sorted(found, key=lambda one: (one.id not in granted, one.provider_id, one.library, one.name))


def _agrees(session: Session, subject: Subject, told: Mapping[str, bool] = MappingProxyType({})) -> int:
    wanted = each(session, subject, told)
    shares = shared.shares(session, subject)
    assert shares == list(dict.fromkeys(one.provider_id for one in wanted))
    for share in ("water", "hub", "vendor"):
        own = [one for one in wanted if one.provider_id == share]
        assert [one.id for one in shared.tables(session, subject, share.upper())] == [one.id for one in own]
        assert shared.schemas(session, subject, share) == list(dict.fromkeys((share, one.library) for one in own))
        themes = [one.id for one in own if one.library == "theme"]
        assert [one.id for one in shared.tables(session, subject, share, "Theme")] == themes
    return len(wanted)


def test_sets_are_decided_as_each_entry_is(session: Session) -> None:
    fill(session, 60, seed=4)
    some = session.exec(select(Resource)).all()
    for subject in SUBJECTS:
        may = {one.id: access.may(session, subject, "download", one) for one in some}
        assert alike.may_each(session, subject, "download", some) == [*may.values()]
        for turn, action in enumerate(("query", "preview")):
            half = some[turn::2]
            assert alike.may_each(session, subject, action, half) == [access.may(session, subject, action, one) for one in half]
        told = _agrees(session, subject, may)
        assert bool(told) == (subject.login not in ("gone", "none", "admin", "sun")), "else the test tries nothing"


def test_what_changes_is_in_the_next_list(url: str) -> None:
    """Versions recalled, grants revoked, contracts replaced, purchases changed: what is in memory learns of it."""
    with database.session(url) as session:
        fill(session, 40)
    with database.session(url) as session:
        assert _agrees(session, SUBJECTS[0])
    for turn in range(4):
        with database.session(url) as session:
            _change(session, turn)
        for subject in SUBJECTS[:2]:
            with database.session(url) as session:
                _agrees(session, subject)


def _change(session: Session, turn: int) -> None:
    if turn == 0:
        for release in session.exec(select(Release)).all()[::3]:
            release.recalled_at = None if release.recalled_at else now()
    elif turn == 1:
        for grant in session.exec(select(Grant)).all()[::2]:
            grant.revoked_at = None if grant.revoked_at else now()
    elif turn == 2:
        for terms in session.exec(select(PurchaseTerms)).all():
            terms.redistribution = not terms.redistribution
    else:
        for number in range(12):
            text = making.text(f"set_{number}", items={"code": "编号", "name": "名称"}, version="2.0.0", grade="L4")
            registry.register(session, loader.parse(text), by="test", origin="pack")


def test_items_that_are_not_known_are_asked_for(session: Session) -> None:
    """Between the migration and `hub upgrade`'s new index nothing is kept of an entry's items."""
    fill(session, 30)
    for entry in session.exec(select(SearchEntry)).all()[::2]:
        entry.item_kinds = None
    session.flush()
    for subject in SUBJECTS[:2]:
        _agrees(session, subject)
    some = session.exec(select(Resource)).all()
    told = alike.may_each(session, SUBJECTS[0], "download", some)
    assert told == [access.may(session, SUBJECTS[0], "download", one) for one in some]


def test_as_many_statements_whatever_there_is(url: str) -> None:
    """And whoever works on the catalogue meanwhile: PostgreSQL shows changes again until an older transaction has ended."""
    with database.engine(url).connect() as other:
        if other.dialect.name == "postgresql":
            other.exec_driver_sql("SELECT pg_current_xact_id()")
        with database.session(url) as session:
            fill(session, 12)
        first = _statements(url)
    with database.session(url) as session:
        fill(session, 60, seed=5, since=12)
    assert first == _statements(url) <= 20


def _statements(url: str) -> int:
    with database.session(url) as session:
        shared.shares(session, SUBJECTS[0])  # what changed is read
    with database.session(url) as session, statements(session) as asked:
        shared.shares(session, SUBJECTS[0])
        shared.tables(session, SUBJECTS[0], "hub")
    return len(asked)


def test_the_policies_know_a_provider_only_as_the_subjects_own() -> None:
    """So entries of all other providers are decided alike."""
    for file in FOLDER.glob("*.cedar"):
        rest = file.read_text(encoding="utf-8").replace("principal.organization == resource.provider", "")
        assert "resource.provider" not in rest.replace("resource.data_provider", ""), file.name


def test_who_is_nobodys_knows_no_more(session: Session) -> None:
    fill(session, 12)
    assert not shared.shares(session, replace(SUBJECTS[0], organization_id=""))
