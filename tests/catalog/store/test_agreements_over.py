"""Migration 0009: agreements of before come over whole, on both databases, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text
from sqlmodel import select

from catalog.acquisition import agreements, steps
from catalog.acquisition.agreements import Agreement
from catalog.store import database

BEFORE = "0008"
COMMON = {
    "title": "水库", "title_en": "", "purpose": "度汛", "provider_id": "water", "cycle": "每月", "cron": "", "channel": "{}",
    "coordinating_body": "省防指", "legal_basis": "条例", "needed_on": "2026-03-02", "answered_on": None, "answer": "",
    "answer_due": None, "extended": False, "signed_due": None, "signed_on": None, "valid_until": None, "contract_number": "",
    "price_per_record": None, "ceiling": None, "permitted_purposes": "[]", "redistribution": False, "why_bought": "",
    "fills_dataset": "", "fills_items": "[]", "template_version": "", "period": "month", "due_day": 5, "due_months": 1,
    "created_at": "2026-03-02 01:00:00.000000",
}  # fmt: skip
OLD = (
    {"id": "YQ-2026-001", "route": "request", "dataset": "reservoir", "state": "active", "answered_on": "2026-03-09",
     "answer_due": "2026-03-16", "answer": "同意", "extended": True, "signed_on": "2026-03-20", "signed_due": "2026-04-03",
     "channel": '{"kind": "http", "url": "http://d/x", "records": "data", "token_env": "HUB_TOKEN_WATER"}'},
    {"id": "YQ-2026-002", "route": "request", "dataset": "river", "state": "refused", "answered_on": "2026-03-03",
     "answer_due": "2026-03-16", "answer": "依据不足"},
    {"id": "GM-2026-001", "route": "buy", "dataset": "power", "state": "signed", "signed_on": "2026-03-20",
     "price_per_record": "0.0200", "ceiling": "1500.00", "permitted_purposes": '["安全"]', "why_bought": "无",
     "contract_number": "HT-1", "fills_dataset": "firm", "fills_items": '["status"]',
     "channel": '{"kind": "folder", "path": "inbox/power"}'},
    {"id": "CJ-2026-001", "route": "collect", "dataset": "hazard", "state": "accepted", "answered_on": "2026-03-03",
     "template_version": "1.0.0", "period": "quarter", "due_day": 10, "due_months": 0},
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A catalogue of revision 0008 with an agreement of each route."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.db'}"
    else:
        made: Callable[[str], str] = request.getfixturevalue("postgres_database")
        url = made("")
    database.migrate(url)
    _to(url, BEFORE)
    with database.engine(url).begin() as connection:
        names = "id, name, name_en, kind, level, credit_code, division, contact, phone, active"
        values = "'water', '水利厅', '', 'department', 'province', '', '', '', '', true"
        connection.execute(text(f"INSERT INTO organization ({names}) VALUES ({values})"))
        for one in OLD:
            row = COMMON | one
            names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO agreement ({names}) VALUES ({places})"), row)
        connection.execute(
            text(
                "INSERT INTO batch (id, dataset, contract_version, sha256, bytes, filename, media, encoding, route, "
                "agreement_id, period, state, sequence, received_at, received_by, received, accepted, quarantined, inserted, "
                "updated, unchanged, removed, message, message_en, faults, checks, seconds, run_id) VALUES ('20260401-0001', "
                "'reservoir', '1.0.0', 'x', 1, 'a.csv', 'csv', '', 'request', 'YQ-2026-001', '', 'loaded', 1, "
                "'2026-03-31 17:00:00', 'x', 1, 1, 0, 1, 0, 0, 0, '', '', '[]', '[]', '{}', '')"
            )
        )
    database.migrate(url)
    yield url
    database.engine(url).dispose()


def _to(url: str, revision: str) -> None:
    with database.engine(url).connect() as connection:
        command.downgrade(database._config(connection), revision)
        connection.commit()


def test_every_field_has_its_place(old: str) -> None:
    with database.session(old) as session:
        request, _, bought, collected = (agreements.get(session, one["id"]) for one in OLD)
        assert request.request is not None
        assert (request.request.answer_due, request.request.extended) == (date(2026, 3, 16), True)
        assert (request.purchase, request.collection) == (None, None)
        assert request.channel == {"kind": "http", "url": "http://d/x", "records": "data", "token_env": "HUB_TOKEN_WATER"}
        assert request.channels[0].secrets == {"token_env": "HUB_TOKEN_WATER"}
        assert (request.provider_signed_on, request.steward_signed_on) == (date(2026, 3, 20),) * 2
        assert bought.purchase is not None
        assert (bought.purchase.price_per_record, bought.purchase.ceiling) == (Decimal("0.02"), Decimal(1500))
        assert (bought.purchase.permitted_purposes, bought.purchase.fills_items) == (["安全"], ["status"])
        assert agreements.agreement_channel(session, bought) == {"kind": "folder", "path": "inbox/power"}
        assert (bought.provider_signed_on, bought.steward_signed_on) == (None, date(2026, 3, 20))
        assert collected.collection is not None
        assert (collected.collection.period, collected.collection.due_day) == ("quarter", 10)
        assert (collected.coordinating_body, collected.channels) == ("省防指", [])


def test_steps_are_made_from_the_dates(old: str) -> None:
    with database.session(old) as session:
        told = {one.id: [(s.act, s.before, s.after, s.day.isoformat()) for s in steps.history(session, one.id)]
                for one in session.exec(select(Agreement))}  # fmt: skip
        answered = steps.history(session, "YQ-2026-001")[1]
    assert told == {
        "YQ-2026-001": [
            ("need.enter", "", "needed", "2026-03-02"),
            ("need.answer", "needed", "accepted", "2026-03-09"),
            ("agreement.sign", "accepted", "signed", "2026-03-20"),
            ("delivery.first", "signed", "active", "2026-04-01"),
        ],
        "YQ-2026-002": [("need.enter", "", "needed", "2026-03-02"), ("need.answer", "needed", "refused", "2026-03-03")],
        "GM-2026-001": [("need.enter", "", "needed", "2026-03-02"), ("agreement.sign", "needed", "signed", "2026-03-20")],
        "CJ-2026-001": [("need.enter", "", "needed", "2026-03-02"), ("need.answer", "needed", "accepted", "2026-03-03")],
    }
    assert (answered.began, answered.due, answered.days, answered.by) == (date(2026, 3, 2), date(2026, 3, 16), 5, "")


def test_what_came_over_goes_back(old: str) -> None:
    _to(old, BEFORE)
    names = [name for name in COMMON if name not in ("channel", "permitted_purposes", "fills_items", "created_at")]
    with database.engine(old).connect() as connection:
        for one in OLD:
            row = connection.execute(text(f"SELECT {', '.join(names)} FROM agreement WHERE id = :id"), one).mappings().one()
            wanted = COMMON | one
            assert {n: _same(row[n]) for n in names} == {n: _same(wanted[n]) for n in names}
    database.migrate(old)


def _same(value: object) -> str:
    """As it is written, whatever the database makes of it."""
    if isinstance(value, int | float | Decimal | bool):
        return f"{Decimal(str(float(value))).normalize()}"
    try:
        return f"{Decimal(str(value)).normalize()}"
    except ArithmeticError:
        return f"{value}"
