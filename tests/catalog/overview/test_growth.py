"""The register and the inbox as they grow: as many statements, no more rows than they show, the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from catalog.access.grants import Grant
from catalog.acquisition.agreements import Agreement, AgreementAgency
from catalog.acquisition.terms import CollectionTerms, PurchaseTerms, RequestTerms
from catalog.deliveries.batches import Batch
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.overview import inbox, register_page
from catalog.overview import register as acquisitions
from catalog.overview.register_page import Narrowed
from catalog.overview.standing import standing
from catalog.releases.releases import Release
from tests.catalog import making
from tests.counting import statements

pytestmark = pytest.mark.day
TODAY = date(2026, 3, 12)
STEWARD = Subject("li", "李敏", "hub", frozenset({"steward"}), person_id="")
PROVIDER = Subject("wang", "王钰", "water", frozenset({"provider"}))


def fill(session: Session, count: int, seed: int = 7) -> None:
    """Agreements of every route at every stage, with batches, versions and rights, none of them usual."""
    dice = random.Random(seed)
    day: Callable[[int, int], date] = lambda low, high: TODAY + timedelta(days=dice.randint(low, high))  # noqa: E731
    for body in ("water", "hub", "harbin", "jixi"):
        making.organization(session, body, body)
    for number in range(count):
        session.add(_resource(number, dice))
    session.flush()
    for number in range(count):
        route = ("request", "buy", "collect")[number % 3]
        state = dice.choice(("needed", "accepted", "signed", "active", "active", "active", "ended", "refused"))
        signed = day(-400, -20) if state in ("signed", "active", "ended") else None
        one = Agreement(
            id=f"A-{number:06d}", route=route, dataset=f"set_{number}", title=f"需要 {number}", purpose="监管", state=state,
            provider_id=dice.choice(("water", "hub")), needed_on=day(-500, -3), signed_on=signed, cycle="每月",
            signed_due=day(-10, 20) if state == "accepted" else None, valid_until=dice.choice((None, day(-5, 400))),
            delivery_due=day(-20, 40) if signed and route != "collect" else None,
        )  # fmt: skip
        terms: Any = {
            "request": RequestTerms(agreement_id=one.id, answer_due=day(-10, 20)),
            "buy": PurchaseTerms(agreement_id=one.id, price_per_record=Decimal(1), ceiling=Decimal(1000)),
            "collect": CollectionTerms(
                agreement_id=one.id, period=dice.choice(("month", "quarter", "year")), due_day=dice.choice((5, 28)),
                due_months=dice.randint(0, 1),
            ),
        }[route]  # fmt: skip
        session.add_all((one, terms))
    session.flush()
    for number in range(count):
        _around(session, number, dice)
    session.flush()
    session.expire_all()


def _resource(number: int, dice: random.Random) -> Resource:
    due = dice.choice((None, TODAY + timedelta(days=dice.randint(-60, 30))))
    return Resource(
        id=f"r{number}", name=f"set_{number}", title=f"数据 {number}", provider_id="water", class_code="205", next_due=due,
        kind="dataset", library="resource", state="published", abstract="x", last_version=1,
    )  # fmt: skip


def _around(session: Session, number: int, dice: random.Random) -> None:
    """Batches, versions, rights and agencies of one agreement."""
    name, agreement = f"set_{number}", f"A-{number:06d}"
    if number % 3 == 2:
        session.add_all(AgreementAgency(agreement_id=agreement, organization_id=one) for one in ("harbin", "jixi"))
    for turn in range(dice.randint(0, 3)):
        at = datetime(2026, 3, 1, 3, tzinfo=UTC) - timedelta(days=dice.randint(0, 60)) + timedelta(days=turn)
        state = dice.choice(("loaded", "partial", "refused", "undone"))
        session.add(
            Batch(
                id=f"b{number}-{turn}", dataset=name, contract_version="1.0.0", sha256="x", bytes=1, filename="a.csv",
                agreement_id=agreement, organization_id=dice.choice(("harbin", "jixi")), sequence=number * 10 + turn + 1,
                state=state, received_at=at, finished_at=at, inserted=dice.randint(0, 1), accepted=1, received=1, mended=1,
                period=dice.choice(("2026-02", "2026-03", "2025Q4", "2026Q1", "2025", "2026")), route="collect",
            )
        )  # fmt: skip
    for version in range(1, dice.randint(1, 3)):
        at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=dice.randint(0, 40))
        recalled = at if dice.random() < 0.3 else None
        session.add(
            Release(
                resource_id=f"r{number}", version=version, snapshot=1, contract_version="1.0.0", rows=1, released_at=at,
                released_by="x", recalled_at=recalled,
            )
        )  # fmt: skip
    if dice.random() < 0.5:
        session.add(Grant(resource_id=f"r{number}", organization_id="hub", purpose="x", granted_by="x"))


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
    with statements() as few:
        work(session)
    session.rollback()
    fill(session, 1_000)
    work(session)
    session.expunge_all()
    read: list[int] = []
    note = lambda connection, cursor, *more: read.append(cursor.rowcount)  # noqa: E731 - on PostgreSQL: rows of a result
    event.listen(Engine, "after_cursor_execute", note)
    try:
        with statements() as many:
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


def test_a_reader_counts_what_they_see(session: Session) -> None:
    fill(session, 90)
    whole = register_page.totals(session, STEWARD, TODAY)
    own = register_page.totals(session, PROVIDER, TODAY)
    assert whole.count == len(session.exec(select(Agreement.id)).all()) == 90
    assert own.count <= whole.count
    shown = register_page.numbers(session, STEWARD, TODAY, Narrowed(words="需要 7"), limit=100)
    assert {f"A-{number:06d}" for number in (7, *range(70, 80))} == set(shown)
