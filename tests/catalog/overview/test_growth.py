"""The register and the inbox as they grow: as many statements, no more rows than they show, the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, SQLModel, insert, select

from catalog import workdays, workflow
from catalog.access.grants import Grant
from catalog.acquisition import completeness
from catalog.acquisition.agreements import Agreement, AgreementAgency
from catalog.acquisition.kept_standing import KeptStanding
from catalog.acquisition.terms import CollectionTerms, PurchaseTerms, RequestTerms
from catalog.deliveries.batches import Batch
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.overview import inbox, register_page
from catalog.overview import register as acquisitions
from catalog.overview.register_page import Narrowed
from catalog.overview.standing import keep, standing
from catalog.releases.releases import Release
from tests.catalog import making
from tests.counting import statements

pytestmark = pytest.mark.day
Add = Callable[..., None]
PART = 23
TODAY = date(2026, 3, 12)
STEWARD = Subject("li", "李敏", "hub", frozenset({"steward"}), person_id="")
ANALYST = Subject("zhou", "周航", "jixi", frozenset({"analyst"}))
PROVIDER = Subject("wang", "王钰", "water", frozenset({"provider"}))


def fill(session: Session, count: int, seed: int = 7) -> None:
    """Agreements of every route at every stage, with batches, versions and rights, none of them usual."""
    dice = random.Random(seed)
    for body in ("water", "hub", "harbin", "jixi"):
        making.organization(session, body, body)
    session.flush()
    added: dict[type[SQLModel], list[dict[str, Any]]] = {}

    def add(model: type[SQLModel], **told: Any) -> None:
        added.setdefault(model, []).append(told)

    for number in range(count):
        _agreed(add, number, dice)
    for number in range(count):
        _around(add, number, dice)
    for model, rows in added.items():  # by statement: making thousands of objects took most of these tests' time
        usual = model(**rows[0]).model_dump()
        session.connection().execute(insert(model), [usual | told for told in rows])
    session.connection().exec_driver_sql("ANALYZE")  # as the server does by itself, once this is committed
    session.expire_all()


def _day(dice: random.Random, low: int, high: int) -> date:
    return TODAY + timedelta(days=dice.randint(low, high))


def _agreed(add: Add, number: int, dice: random.Random) -> None:
    """A resource, and the agreement under which it comes."""
    due = dice.choice((None, _day(dice, -60, 30)))
    add(
        Resource, id=f"r{number}", name=f"set_{number}", title=f"数据 {number}", provider_id="water", class_code="205",
        next_due=due, kind="dataset", library="resource", state="published", abstract="x", last_version=1,
    )  # fmt: skip
    route = ("request", "buy", "collect")[number % 3]
    state = dice.choice((*workflow.states(route), "active", "active", "active"))
    signed = _day(dice, -400, -20) if state in ("signed", "active", "ended") else None
    agreement = f"A-{number:06d}"
    add(
        Agreement, id=agreement, route=route, dataset=f"set_{number}", title=f"需要 {number}", purpose="监管", state=state,
        provider_id=dice.choice(("water", "hub")), needed_on=_day(dice, -500, -3), signed_on=signed, cycle="每月",
        signed_due=_day(dice, -10, 20) if state == "accepted" else None, valid_until=dice.choice((None, _day(dice, -5, 400))),
        delivery_due=_day(dice, -20, 40) if signed and route != "collect" else None,
    )  # fmt: skip
    if route == "request":
        hubs = state in workflow.HUBS_TURN
        answer, turn = (None if hubs else _day(dice, -10, 20)), (_day(dice, -10, 20) if hubs else None)
        add(RequestTerms, agreement_id=agreement, answer_due=answer, turn_due=turn, sent_on=dice.choice((None, TODAY)))
    elif route == "buy":
        add(PurchaseTerms, agreement_id=agreement, price_per_record=Decimal(1), ceiling=Decimal(1000))
    else:
        period, day = dice.choice(("month", "quarter", "year")), dice.choice((5, 28))
        add(CollectionTerms, agreement_id=agreement, period=period, due_day=day, due_months=dice.randint(0, 1))


def _around(add: Add, number: int, dice: random.Random) -> None:
    """Batches, versions, rights and agencies of one agreement."""
    name, agreement = f"set_{number}", f"A-{number:06d}"
    for agency in ("harbin", "jixi") if number % 3 == 2 else ():
        add(AgreementAgency, agreement_id=agreement, organization_id=agency)
    for turn in range(dice.randint(0, 3)):
        at = datetime(2026, 3, 1, 3, tzinfo=UTC) - timedelta(days=dice.randint(0, 60)) + timedelta(days=turn)
        state = dice.choice(("loaded", "partial", "refused", "undone"))
        add(
            Batch, id=f"b{number}-{turn}", dataset=name, contract_version="1.0.0", sha256="x", bytes=1, filename="a.csv",
            agreement_id=agreement, organization_id=dice.choice(("harbin", "jixi")), sequence=number * 10 + turn + 1,
            state=state, received_at=at, finished_at=at, inserted=dice.randint(0, 1), accepted=1, received=1, mended=1,
            period=dice.choice(("2026-02", "2026-03", "2025Q4", "2026Q1", "2025", "2026")), route="collect",
        )  # fmt: skip
    for version in range(1, dice.randint(1, 3)):
        at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=dice.randint(0, 40))
        recalled = at if dice.random() < 0.3 else None
        add(
            Release, resource_id=f"r{number}", version=version, snapshot=1, contract_version="1.0.0", rows=1, released_at=at,
            released_by="x", recalled_at=recalled,
        )  # fmt: skip
    if dice.random() < 0.5:
        add(Grant, id=f"g{number}", resource_id=f"r{number}", organization_id="hub", purpose="x", granted_by="x")


def test_the_database_says_what_the_rows_say(session: Session) -> None:
    """Stage, deadline and group of six hundred agreements, each by both ways."""
    fill(session, 400)
    told = {one.id: one for one in session.exec(standing(session, TODAY)).all()}
    rows = acquisitions.stages(session, TODAY).rows
    wrong = [
        (row.agreement.id, row.current, told[row.agreement.id].stage, row.deadline, told[row.agreement.id].due)
        for row in rows
        if (row.current, row.group, row.deadline.due if row.deadline else None, int(row.stages[4].state == "done"))
        != _cells(told[row.agreement.id])
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)}: {wrong[:5]}"
    assert {row.group for row in rows} == set(register_page.GROUPS)
    assert {row.current for row in rows} == {"", "need", "agreement", "batch", "release"}


def test_what_is_kept_is_reckoned_anew_where_something_changed(session: Session) -> None:
    """Triggers empty the day of a standing with each change of what it rests on, by whatever door."""
    fill(session, 60)
    while keep(session, TODAY):
        pass
    with statements(session) as asked:
        session.execute(standing(session, TODAY)).all()
    assert not [one for one in asked if "reckoned" in one]
    dice = random.Random(3)
    for number in range(0, 60, 3):
        _change(session, number, dice)
        session.flush()
    workdays.set_day(session, TODAY + timedelta(days=2), working=False)
    session.expire_all()
    told = {one.id: one for one in session.execute(standing(session, TODAY)).all()}
    rows = acquisitions.stages(session, TODAY).rows
    assert [(row.agreement.id, *_told(row)) for row in rows] == [
        (row.agreement.id, *_cells(told[row.agreement.id])) for row in rows
    ]
    before = len(session.exec(select(KeptStanding).where(KeptStanding.day == TODAY)).all())
    assert before == 0, "the calendar changed, and every deadline with it"
    while keep(session, TODAY):
        pass
    kept = {one.id: one for one in session.execute(standing(session, TODAY)).all()}
    assert {number: _cells(one) for number, one in kept.items()} == {number: _cells(one) for number, one in told.items()}


def _change(session: Session, number: int, dice: random.Random) -> None:
    """One of the things that a standing rests on."""
    one = session.get_one(Agreement, f"A-{number + dice.randrange(3):06d}")
    fed = session.exec(select(Resource).where(Resource.name == one.dataset)).one()
    at = datetime(2026, 3, 11, tzinfo=UTC)
    match dice.randrange(6):
        case 0:
            one.state, one.signed_on = "ended", TODAY
        case 1:
            fed.next_due = TODAY - timedelta(days=9)
        case 2:
            session.add(Grant(resource_id=fed.id, organization_id="hub", purpose="x", granted_by="x"))
        case 3:
            for batch in session.exec(select(Batch).where(Batch.agreement_id == one.id)):
                batch.state = "undone"
        case 4:
            told = {"contract_version": "1.0.0", "rows": 1, "released_by": "x"}
            session.add(Release(resource_id=fed.id, version=9, snapshot=1, released_at=at, **told))
        case _:
            for agency in session.exec(select(AgreementAgency).where(AgreementAgency.agreement_id == one.id)):
                session.delete(agency)


def _told(row: Any) -> tuple[str, str, date | None, int]:
    return row.current, row.group, row.deadline.due if row.deadline else None, int(row.stages[4].state == "done")


def test_a_changed_rule_reaches_register_and_badge(session: Session) -> None:
    """What `rule.set` changes: batches that came under the old rule keep their day of publication, later ones get the new."""
    fill(session, 200)
    before = {one.id: one.due for one in session.exec(standing(session, TODAY)).all() if one.stage == "release"}
    workdays.set_step(session, "update-entry", 3, date(2026, 2, 20))
    rows = {row.agreement.id: row for row in acquisitions.stages(session, TODAY).rows}
    after = {one.id: one.due for one in session.exec(standing(session, TODAY)).all() if one.stage == "release"}
    assert {number: row.deadline.due if (row := rows[number]).deadline else None for number in after} == after
    sooner = {number for number in after if before[number] and after[number] and after[number] < before[number]}
    assert sooner
    assert sooner != set(after), "some came before the rule"


def _cells(one: Any) -> tuple[str, str, date | None, int]:
    return one.stage, one.grouped, one.due, one.shared


def _page(session: Session) -> None:
    register_page.totals(session, STEWARD, TODAY)
    register_page.groups(session, STEWARD, TODAY, Narrowed())
    register_page.providers(session, STEWARD)
    register_page.stewards(session, STEWARD)
    for group in ("late", "near", "other"):
        shown = register_page.numbers(session, STEWARD, TODAY, Narrowed(), group=group, limit=20)
        acquisitions.rows_of(session, shown, TODAY)


def _inbox(session: Session) -> None:
    inbox.inbox(session, STEWARD, TODAY)
    inbox.inbox(session, PROVIDER, TODAY)


@pytest.mark.parametrize(("work", "most"), [(_page, 700), (_inbox, 5_000)])
def test_statements_stay_and_rows_are_those_of_the_page(session: Session, work: Callable[[Session], None], most: int) -> None:
    fill(session, 12)
    work(session)
    with statements(session) as few:
        work(session)
    session.rollback()
    fill(session, 1_000)
    work(session)
    session.expunge_all()
    read: list[int] = []
    note = lambda connection, cursor, *more: read.append(cursor.rowcount)  # noqa: E731 - on PostgreSQL: rows of a result
    event.listen(Engine, "after_cursor_execute", note)
    try:
        with statements(session) as many:
            work(session)
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert len(many) <= len(few) + 6, "statements that an empty part saves"
    assert sum(max(count, 0) for count in read) <= most


def test_the_counts_of_the_inbox_are_of_all_and_its_list_is_cut(session: Session) -> None:
    fill(session, 1_000)
    found = inbox.inbox(session, STEWARD, TODAY)
    rows = [row for row in acquisitions.stages(session, TODAY).rows if row.group in ("late", "near")]
    kinds = [row.deadline.what for row in rows if row.deadline]
    hubs = sum(kind in inbox.HUB_ACTS for kind in kinds)
    theirs = sum(
        kind not in inbox.HUB_ACTS and row.agreement.provider_id == "hub" for kind, row in zip(kinds, rows, strict=True)
    )
    others = [task for task in (*found.own, *found.followed) if task.kind not in kinds]
    assert found.own_count + found.followed_count == len(rows) + len(others)
    assert found.own_count == hubs + theirs + sum(task in found.own for task in others)
    assert len(found.own) <= inbox.MOST + len(others)


def _in_parts(session: Session, subject: Subject, group: str) -> list[str]:
    """A group read in parts: each once, and in the order of the whole."""
    whole = list(register_page.numbers(session, subject, TODAY, Narrowed(), group=group, limit=200))
    found: list[str] = []
    for after in range(0, len(whole) + PART, PART):
        found += register_page.numbers(session, subject, TODAY, Narrowed(), group=group, limit=PART, after=after)
    assert found == whole
    return whole


def test_a_reader_counts_what_they_see(session: Session) -> None:
    fill(session, 90)
    for number in range(0, 90, 7):  # hidden from an analyst
        session.exec(select(Resource).where(Resource.name == f"set_{number}")).one().state = "draft"
    session.flush()
    whole = register_page.totals(session, STEWARD, TODAY)
    own = register_page.totals(session, PROVIDER, TODAY)
    for subject in (STEWARD, PROVIDER, ANALYST):
        told = register_page.totals(session, subject, TODAY)
        assert told.groups == register_page.groups(session, subject, TODAY, Narrowed())
        seen = register_page.seen_by(session, subject)
        assert register_page.totals(session, subject, TODAY, seen) == told
        assert register_page.providers(session, subject, seen) == register_page.providers(session, subject)
        every = register_page.numbers(session, subject, TODAY, Narrowed(), limit=200)
        assert sum(told.groups.values()) == told.count == len(every) > 0
        parts = [_in_parts(session, subject, group) for group in register_page.GROUPS]
        assert [len(part) for part in parts] == [told.groups.get(group, 0) for group in register_page.GROUPS]
        assert {number for part in parts for number in part} == set(every)
        bodies = {one.agreement.provider_id for one in acquisitions.rows_of(session, every, TODAY)}
        assert {one.id for one in register_page.providers(session, subject)} == bodies
    assert register_page.totals(session, ANALYST, TODAY).count < whole.count
    assert whole.count == len(session.exec(select(Agreement.id)).all()) == 90
    assert own.count <= whole.count
    shown = register_page.numbers(session, STEWARD, TODAY, Narrowed(words="需要 7"), limit=100)
    assert {f"A-{number:06d}" for number in (7, *range(70, 80))} == set(shown)


def test_the_columns_of_now_are_those_of_the_boards(session: Session) -> None:
    """A page of collections reads one column of each, in as many statements for all as for one."""
    fill(session, 120)
    chosen = session.exec(select(Agreement).where(Agreement.route == "collect").order_by(Agreement.id)).all()
    chosen[0].signed_on = TODAY  # nothing was due yet
    session.flush()
    columns = completeness.now_of_each(session, chosen, on=TODAY)
    assert columns == {one.id: completeness.now_of(completeness.board(session, one.id, on=TODAY)) for one in chosen}
    assert len({(one.period, one.complete, one.on_time) for one in columns.values() if one}) > 3
    running = [one for one in chosen if (one.signed_on or one.needed_on) < TODAY - timedelta(days=370)]
    with statements(session) as asked:
        completeness.now_of_each(session, running, on=TODAY)
    assert len(running) > 5
    assert len(asked) <= 3


@pytest.mark.parametrize("subject", [STEWARD, PROVIDER], ids=lambda one: one.login)
@pytest.mark.parametrize("whose", ["own", "followed"])
def test_a_part_of_the_inbox_is_the_beginning_of_the_whole(session: Session, subject: Subject, whose: str) -> None:
    """Pages read as many of each source as they show; kinds are those of the whole list, each narrowed by the database."""
    fill(session, 300)
    for number in range(9):
        making.resource(session, f"draft_{number}").state = ("draft", "registered")[number % 2]
    session.flush()
    whole = getattr(inbox.inbox(session, subject, TODAY, inbox.Asked(2_000, whose)), whose)
    assert len(whole) > 40 or subject is PROVIDER
    for most in (1, 20, 50):
        part = inbox.inbox(session, subject, TODAY, inbox.Asked(most, whose))
        assert getattr(part, whose)[:most] == whole[:most]
        assert part.kinds == {task.kind for task in whole}
    for kind in {task.kind for task in whole}:
        found = getattr(inbox.inbox(session, subject, TODAY, inbox.Asked(2_000, whose, kind)), whose)
        assert [task for task in found if task.kind == kind] == [task for task in whole if task.kind == kind]
