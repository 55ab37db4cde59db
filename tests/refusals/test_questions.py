"""SQL by API: refusals first; what a caller may ask, and nothing beside it."""

from __future__ import annotations

import io
import threading
from typing import Any

import pyarrow as pa
import pytest
from sqlmodel import col, select

from catalog.audit.chain import AuditRecord
from tests.sharing import PURPOSE, Hub
from warehouse.serving import query_workers

COUNT = "SELECT count(*) AS number FROM resource.hazard"


def ask(hub: Hub, who: str, sql: str, *, form: str = "", **more: Any) -> Any:
    path = "/api/v1/sql" + (f"?format={form}" if form else "")
    return hub.client.post(path, json={"sql": sql, "purpose": PURPOSE, **more}, headers=hub.auth(who))


def records(hub: Hub) -> list[AuditRecord]:
    with hub.session() as session:
        query = select(AuditRecord).where(AuditRecord.action == "query").order_by(col(AuditRecord.sequence))
        return list(session.exec(query))


def test_nobody_known_asks_nothing(hub: Hub) -> None:
    assert ask(hub, "", COUNT).status_code == 401


def test_a_cookie_is_not_enough(hub: Hub) -> None:
    from catalog.identity import people

    with hub.session() as session:
        _, token = people.begin(session, people.get_person(session, "analyst"))
    answer = hub.client.post("/api/v1/sql", json={"sql": COUNT}, headers={"Cookie": f"hui_session={token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("who", ["other", "outsider", "auditor", "administrator"])
def test_who_has_no_right_is_refused_on_record(hub: Hub, who: str) -> None:
    before = len(records(hub))
    answer = ask(hub, who, COUNT)
    assert answer.status_code == 403
    [record] = records(hub)[before:]
    assert (record.outcome, record.object, record.detail["sql"]) == ("refused", "resource.hazard", COUNT)
    assert answer.json()["policies"] == record.policies


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "ATTACH 'x.db'",
        "DELETE FROM resource.hazard",
        "COPY resource.hazard TO '/tmp/x'",
        "SELECT * FROM raw.hazard",
        "SELECT getenv('HOME')",
        "SELECT 1; SELECT 2",
        "",
        "SELECT",
    ],
)
def test_what_is_no_question_is_refused(hub: Hub, sql: str) -> None:
    assert ask(hub, "analyst", sql).status_code in (400, 422)


def test_a_hidden_table_is_as_one_that_is_not_there(hub: Hub) -> None:
    hidden, missing = (ask(hub, "outsider", f"SELECT * FROM resource.{name}") for name in ("classified", "nothing"))
    assert hidden.status_code in (400, 403)
    assert missing.status_code == 400
    if hidden.status_code == 400:
        assert hidden.json()["detail"].replace("classified", "X") == missing.json()["detail"].replace("nothing", "X")


def test_a_partner_sees_its_items_masked_and_no_others(hub: Hub) -> None:
    answer = ask(hub, "partner", "SELECT owner_phone, lon FROM resource.hazard ORDER BY hazard_id LIMIT 1").json()
    [row] = answer["rows"]
    assert not row["owner_phone"].startswith("138")
    assert round(row["lon"], 2) == row["lon"]
    assert ask(hub, "partner", "SELECT secret_code FROM resource.hazard").status_code == 400


class TestAnswers:
    """What comes back."""

    def test_an_answer_says_its_types_and_whether_it_is_whole(self, hub: Hub) -> None:
        answer = ask(hub, "analyst", "SELECT hazard_id, capital FROM resource.hazard ORDER BY hazard_id", limit=2)
        told = answer.json()
        assert [one["name"] for one in told["columns"]] == ["hazard_id", "capital"]
        assert (len(told["rows"]), told["complete"], answer.headers["x-complete"]) == (2, False, "false")
        whole = ask(hub, "analyst", COUNT).json()
        assert (whole["complete"], whole["columns"][0]["type"]) == (True, "int64")

    def test_csv_and_arrow_say_the_same(self, hub: Hub) -> None:
        sql = "SELECT hazard_id, level FROM resource.hazard ORDER BY hazard_id LIMIT 3"
        rows = ask(hub, "analyst", sql).json()["rows"]
        text = ask(hub, "analyst", sql, form="csv").content.decode()
        assert text.splitlines()[1] == f"{rows[0]['hazard_id']},{rows[0]['level']}"
        table = pa.ipc.open_stream(io.BytesIO(ask(hub, "analyst", sql, form="arrow").content)).read_all()
        assert table.to_pylist() == rows
        assert ask(hub, "analyst", sql, form="exe").status_code == 406

    def test_a_date_that_python_does_not_know_is_said(self, hub: Hub) -> None:
        answer = ask(hub, "analyst", "SELECT DATE '20000-01-01' AS day FROM resource.hazard LIMIT 1")
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:hui:problem:invalid-query")

    def test_one_record_with_its_words(self, hub: Hub) -> None:
        before = len(records(hub))
        assert ask(hub, "analyst", COUNT).status_code == 200
        [record] = records(hub)[before:]
        assert (record.outcome, record.purpose, record.detail["sql"]) == ("allowed", PURPOSE, COUNT)


LONG = "SELECT count(*) FROM " + ", ".join(f"resource.hazard h{number}" for number in range(6))


class TestInItsOwnProcess:
    """As a server has it."""

    @pytest.fixture
    def served(self, hub: Hub) -> Any:
        query_workers.start(hub.settings)
        yield hub
        query_workers.stop(hub.settings)

    def test_a_question_that_takes_too_long_is_stopped(self, served: Hub) -> None:
        answer = ask(served, "analyst", LONG, seconds=1)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:hui:problem:query-too-slow")
        assert ask(served, "analyst", COUNT).status_code == 200

    def test_while_one_runs_rows_are_read(self, served: Hub) -> None:
        """Questions have processes of their own: rows are answered before the question is at its end."""
        assert served.get("/api/v1/resources/hazard/rows?limit=1", "partner").status_code == 200
        asked = threading.Thread(target=ask, args=(served, "analyst", LONG), kwargs={"seconds": 8})
        asked.start()
        while not query_workers._asking[served.settings.root]._callers:
            pass
        answer = served.get("/api/v1/resources/hazard/rows?limit=1", "partner")
        running = asked.is_alive()
        asked.join()
        assert answer.status_code == 200
        assert running


def test_an_answer_that_is_too_large_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.serving.questions.LARGEST", 100)
    answer = ask(hub, "analyst", "SELECT * FROM resource.hazard")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:hui:problem:query-too-large")
