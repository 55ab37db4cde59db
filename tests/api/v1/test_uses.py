"""Decisions are kept while the catalogue stays of one generation: whatever ends a right ends them with the next request."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from sqlmodel import col, select

from api.http import uses
from catalog.access import compiled, grants, policy_set
from catalog.audit.chain import AuditRecord
from catalog.store import database
from contracts import clock
from tests.counting import statements
from tests.sharing import Hub
from warehouse.serving import pages, questions

ROW = "/api/v1/resources/hazard/rows/MH-0002"
ENDS = {
    "the grant is revoked": "UPDATE \"grant\" SET revoked_at = '2026-01-01 00:00:00' WHERE organization_id = 'hlj-transport'",
    "the grant is gone": "DELETE FROM \"grant\" WHERE organization_id = 'hlj-transport'",
    "the key is revoked": "UPDATE access_key SET revoked_at = '2026-01-01 00:00:00' WHERE person_id = ({person})",
    "the key has expired": "UPDATE access_key SET expires_at = '2026-01-01 00:00:00' WHERE person_id = ({person})",
    "the person has left": "UPDATE person SET active = 0 WHERE login = 'partner'",
    "the person became an auditor": "UPDATE person SET roles = '[\"auditor\"]' WHERE login = 'partner'",
    "the organization is not active": "UPDATE organization SET active = 0 WHERE id = 'hlj-transport'",
    "the entry was withdrawn": "UPDATE resource SET state = 'withdrawn' WHERE name = 'hazard'",
    "it is not shared any more": "UPDATE resource SET sharing = 3 WHERE name = 'hazard'",
    "it was bought, not to be passed on": "UPDATE resource SET route = 'buy' WHERE name = 'hazard'",
    "the versions were recalled": "UPDATE release SET recalled_at = '2026-01-01 00:00:00' WHERE resource_id = ({resource})",
}
PERSON, RESOURCE = "SELECT id FROM person WHERE login = 'partner'", "SELECT id FROM resource WHERE name = 'hazard'"


def elsewhere(hub: Hub, *changes: str) -> None:
    """Changes by a program that knows nothing of this one."""
    path = database.engine(hub.settings.catalog_database).url.database
    with closing(sqlite3.connect(str(path), timeout=60)) as connection, connection:
        for change in changes:
            connection.execute(change.format(person=PERSON, resource=RESOURCE))


@pytest.fixture
def as_before(hub: Hub) -> Any:
    """The tables that `ENDS` change, put back afterwards."""
    path = str(database.engine(hub.settings.catalog_database).url.database)
    tables = ("grant", "access_key", "person", "organization", "resource", "release")
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        kept = {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}
    yield
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        for table, rows in kept.items():
            connection.executemany(f'REPLACE INTO "{table}" VALUES ({", ".join("?" * len(rows[0]))})', rows)


@pytest.mark.parametrize("end", ENDS)
def test_what_ends_a_right_ends_it_with_the_next_request(hub: Hub, as_before: None, end: str) -> None:
    for _ in range(2):
        assert hub.get(ROW, "partner").json()["rows"][0]["name"] == "改名"
    elsewhere(hub, ENDS[end])
    answer = hub.get(ROW, "partner")
    assert answer.status_code in (401, 403, 404), answer.text
    assert "改名" not in answer.text


def test_a_narrower_grant_narrows_the_next_answer(hub: Hub, as_before: None) -> None:
    assert hub.get(ROW, "partner").json()["rows"]
    elsewhere(hub, """UPDATE "grant" SET row_filter = 'division = ''230102''' WHERE organization_id = 'hlj-transport'""")
    assert hub.get(ROW, "partner").json()["rows"] == []
    elsewhere(hub, """UPDATE "grant" SET items = '["hazard_id"]', masks = '{{}}', row_filter = ''""")
    assert hub.get(ROW, "partner").json()["rows"] == [{"hazard_id": "MH-0002"}]


def test_a_grant_ends_by_the_clock(hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub.session() as session:
        given = session.exec(select(grants.Grant).where(grants.Grant.organization_id == "hlj-transport")).one()
        given.expires_at = clock.now() + timedelta(minutes=5)
        session.add(given)
    assert hub.get(ROW, "partner").status_code == 200
    assert hub.get(ROW, "partner").status_code == 200
    monkeypatch.setenv("HUB_CLOCK", "301")
    answer = hub.get(ROW, "partner")
    assert (answer.status_code, answer.json()["policies"]) == (403, ["grant-expired"])


def test_a_purpose_is_decided_apart(hub: Hub) -> None:
    assert hub.get(ROW, "partner").status_code == 200
    assert hub.get(ROW, "partner", headers={"X-Purpose": "another"}).status_code == 403
    assert hub.get(ROW, "partner").status_code == 200
    assert hub.get(ROW, "other").status_code == 403, "and a key, too"


def test_a_right_that_ends_while_rows_are_read_gives_no_rows(
    hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pages.page

    def slow(*arguments: Any, **options: Any) -> pages.Page:
        found = read(*arguments, **options)
        elsewhere(hub, ENDS["the grant is revoked"])
        return found

    assert hub.get(ROW, "partner").status_code == 200
    with hub.session() as session:
        last = session.exec(select(AuditRecord).order_by(col(AuditRecord.sequence).desc())).first()
    monkeypatch.setattr(pages, "page", slow)
    assert hub.get(ROW, "partner").status_code == 403
    with hub.session() as session:
        since = session.exec(select(AuditRecord.outcome).where(col(AuditRecord.sequence) > last.sequence)).all()
    assert list(since) == ["refused"]


def test_what_fails_on_a_right_that_ended_tells_of_the_end(hub: Hub, as_before: None) -> None:
    assert hub.get(ROW, "partner").status_code == 200
    wrong = hub.get(f"{ROW}?select=nothing", "partner")
    assert (wrong.status_code, "owner_phone" in wrong.text) == (400, True)
    elsewhere(hub, ENDS["the grant is revoked"])
    answer = hub.get(f"{ROW}?select=nothing", "partner")
    assert (answer.status_code, "owner_phone" in answer.text) == (403, False)


def test_another_change_meanwhile_reads_nothing_anew(hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read, times = pages.page, []

    def slow(*arguments: Any, **options: Any) -> pages.Page:
        times.append(1)
        elsewhere(hub, "UPDATE resource SET title = title || '' WHERE name = 'weather'")
        return read(*arguments, **options)

    monkeypatch.setattr(pages, "page", slow)
    assert hub.get(ROW, "partner").status_code == 200
    assert len(times) == 1


def test_a_second_request_asks_for_the_generation_and_is_recorded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.get(ROW, "partner").status_code == 200

    def never(*_: Any) -> Any:
        raise AssertionError("the policies were asked again")

    monkeypatch.setattr(policy_set.RuleBook, "ask", never)
    with statements(hub.settings.catalog_database) as asked:
        assert hub.get(ROW, "partner").status_code == 200
    assert len(asked) == 4, asked  # the head, the generation under it, the record, the head
    with hub.session() as session:
        record = session.exec(select(AuditRecord).order_by(col(AuditRecord.sequence).desc())).first()
        assert (record.action, record.detail["key"], record.outcome) == ("read-rows", True, "allowed")


class TestFresh:
    """An answer begins while its right was looked at just now."""

    @pytest.fixture
    def late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every answer has waited too long by the time it could begin."""
        monkeypatch.setattr(compiled, "FRESH_SECONDS", -1.0)

    def test_one_that_waited_is_looked_at_again(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = iter([*[100.0] * 1, *[100.3] * 3])  # recorded; about to begin, too late; looked at again; begins
        monkeypatch.setattr(uses, "time", SimpleNamespace(monotonic=lambda: next(moments)))
        assert hub.get(ROW, "partner").json()["rows"][0]["name"] == "改名"
        assert next(moments, None) is None

    def test_nothing_begins_whose_right_ended_meanwhile(
        self, hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = compiled.record

        def ends_after(*given: Any, **told: Any) -> bool:
            done = record(*given, **told)
            elsewhere(hub, ENDS["the grant is revoked"])
            return done

        monkeypatch.setattr(compiled, "record", ends_after)
        monkeypatch.setattr(compiled, "FRESH_SECONDS", -1.0)
        answer = hub.get(ROW, "partner")
        assert (answer.status_code, "改名" in answer.text) == (403, False)

    def test_where_it_never_gets_to_begin_one_comes_again(self, hub: Hub, late: None) -> None:
        answer = hub.get(ROW, "partner")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "改名" not in answer.text


class TestQuestions:
    """What a question in SQL may read is looked at again after it has run."""

    SQL: ClassVar = {"sql": "SELECT name FROM resource.hazard WHERE hazard_id = 'MH-0002'"}

    @pytest.mark.parametrize("end", ["the grant is revoked", "the key is revoked", "the person has left"])
    def test_a_right_that_ends_while_it_runs_gives_no_answer(
        self, hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        run = questions.answer

        def slow(*given: Any, **told: Any) -> Any:
            found = run(*given, **told)
            elsewhere(hub, ENDS[end])
            return found

        ask = lambda: hub.client.post("/api/v1/sql", json=self.SQL, headers=hub.auth("partner"))  # noqa: E731
        assert ask().json()["rows"] == [{"name": "改名"}]
        monkeypatch.setattr(questions, "answer", slow)
        answer = ask()
        assert answer.status_code in (401, 403, 503), answer.text
        assert "改名" not in answer.text

    def test_another_change_meanwhile_changes_nothing(self, hub: Hub, as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
        run = questions.answer

        def slow(*given: Any, **told: Any) -> Any:
            elsewhere(hub, "UPDATE resource SET title = title || '' WHERE name = 'weather'")
            return run(*given, **told)

        monkeypatch.setattr(questions, "answer", slow)
        answer = hub.client.post("/api/v1/sql", json=self.SQL, headers=hub.auth("partner"))
        assert answer.json()["rows"] == [{"name": "改名"}]


def test_what_is_kept_is_bounded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "LARGEST", 3)
    kept = compiled.of(database.engine(hub.settings.catalog_database))
    for number in range(5):
        hub.get(ROW, "owner", headers={"X-Purpose": f"p{number}"})
    assert 0 < len(kept._uses) <= 3
