"""Ways around a right: samples, lineage, older versions, errors that tell, links, and what must be on record."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote

import pytest
from sqlmodel import col, func, select

from catalog.access import grants
from catalog.audit.chain import AuditRecord
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.people import Key
from catalog.lineage import graph as lineage
from catalog.store import database
from tests.sharing import PURPOSE, Hub
from warehouse.serving import pages as query
from warehouse.serving.sql_rewrite import QueryInvalid, QueryRefused

OTHER_PURPOSE = "应急值守"
TABLE = "/delta-sharing/shares/hlj-emergency/schemas/resource/tables/hazard"


def last(hub: Hub, action: str = "") -> AuditRecord:
    """The newest record, of an action."""
    with hub.session() as session:
        asked = select(AuditRecord).order_by(col(AuditRecord.sequence).desc()).limit(1)
        return session.exec(asked.where(AuditRecord.action == action) if action else asked).one()


def newest(hub: Hub) -> int:
    """Number of the newest record; 0 where there is none yet."""
    with hub.session() as session:
        return session.exec(select(func.max(AuditRecord.sequence))).one() or 0


class TestSeveralGrants:
    """An organization may hold two grants of one resource, for two purposes; each gives its own rows and its own links."""

    @pytest.mark.parametrize("purpose", [PURPOSE, OTHER_PURPOSE])
    def test_links_of_either_purpose_work(self, hub: Hub, purpose: str) -> None:
        held = [
            hub.grant("hazard", "hlj-water", items=["hazard_id", "name"]),
            hub.grant("hazard", "hlj-water", items=["hazard_id"], purpose=OTHER_PURPOSE),
        ]
        headers = hub.auth("other") | {"X-Purpose": quote(purpose)}
        listed = hub.client.get("/api/v1/resources/hazard/versions/1/files", headers=headers).json()
        lines = hub.client.post(f"{TABLE}/query", headers=headers, content=b"{}").text.splitlines()
        try:
            assert hub.client.get(listed[0]["url"]).status_code == 200
            assert hub.client.get(json.loads(lines[2])["file"]["url"]).status_code == 200
        finally:
            with hub.session() as session:
                for number in held:
                    session.delete(grants.find(session, number))
        assert hub.client.get(listed[0]["url"]).status_code == 403


def test_samples_of_guarded_items_are_not_in_the_contract_that_anybody_may_read(hub: Hub) -> None:
    """The portal always left them out; the API gave the whole document."""
    with hub.session() as session:
        from catalog.entries import contracts as registry

        active = registry.active(session, "hazard")
        kept = session.exec(select(registry.ContractVersion).where(registry.ContractVersion.dataset == "hazard")).one()
        kept.text = kept.text.replace(
            "businessName: 包保责任人电话", "businessName: 包保责任人电话\n    examples: ['13945412345']"
        )
        kept.text = kept.text.replace("businessName: 注册资本", "businessName: 注册资本\n    examples: ['77777.5']")
        session.add(kept)
        assert active.dataset == "hazard"
    for who, phone, capital in (
        ("", 0, 0),
        ("outsider", 0, 0),
        ("partner", 0, 1),
        ("other", 0, 0),
        ("steward", 0, 0),
        ("owner", 1, 1),
    ):
        text = hub.get("/api/v1/resources/hazard/contract", who).text
        assert "包保责任人电话" in text
        assert ("13945412345" in text, "77777.5" in text) == (bool(phone), bool(capital)), who


def test_lineage_names_no_file_and_no_unknown_dataset_to_those_outside(hub: Hub) -> None:
    with hub.session() as session:
        for source, target in (
            ("file:hlj-weather/classified", "landing.classified"),
            ("landing.classified", "raw.classified"),
            ("raw.classified", "resource.classified"),
            ("resource.classified", "resource.hazard"),
            ("file:hlj-emergency/hazard-20260101.xlsx", "landing.hazard"),
            ("landing.hazard", "resource.hazard"),
        ):
            session.add(lineage.LineageEdge(source=source, source_item="", target=target, target_item=""))
    told = hub.get("/api/v1/resources/hazard/lineage").text
    assert "classified" not in told
    assert "xlsx" not in told
    assert "landing.hazard" in told
    assert "xlsx" not in hub.get("/api/v1/resources/hazard/lineage", "partner").text
    assert "xlsx" in hub.get("/api/v1/resources/hazard/lineage", "steward").text


class TestFilterOfAnItemThatCameLater:
    """A grant may choose rows by an item that older versions do not have."""

    @pytest.fixture
    def number(self, hub: Hub) -> Any:
        hub.run("ALTER TABLE lake.resource.weather ADD COLUMN IF NOT EXISTS region VARCHAR")
        hub.run("UPDATE lake.resource.weather SET region = 'north' WHERE hazard_id = 'MH-0001'")
        hub.release("weather")
        number = hub.grant("weather", "firm", items=["hazard_id"])
        with hub.session() as session:
            given = grants.find(session, number)
            given.row_filter = "\"region\" = 'north'"
            session.add(given)
            resource = resources.get(session, "weather")
            resource.sharing = 2
            session.add(resource)
        yield number
        with hub.session() as session:
            session.delete(grants.find(session, number))
            resource = resources.get(session, "weather")
            resource.sharing = 1
            session.add(resource)

    def test_the_older_version_is_not_readable_and_says_why(self, hub: Hub, number: str) -> None:
        table = "/delta-sharing/shares/hlj-weather/schemas/resource/tables/weather"
        assert hub.get("/api/v1/resources/weather/rows?version=2", "outsider").json()["rows"] == [{"hazard_id": "MH-0001"}]
        for answer in (
            hub.get("/api/v1/resources/weather/rows?version=1", "outsider"),
            hub.get("/api/v1/resources/weather/versions/1/files", "outsider"),
            hub.client.post(f"{table}/query", headers=hub.auth("outsider"), json={"version": 1}),
        ):
            assert answer.status_code == 404, answer.text
            assert "region" in answer.text
            assert "MH-" not in answer.text

    def test_a_question_cannot_bring_the_item_along(self, hub: Hub, number: str) -> None:
        """The filter's column, not found in the table, would be looked for in the tables of the question."""
        with hub.session() as session:
            resource = resources.get(session, "weather")
            from catalog import access

            who = people.authenticate(session, hub.keys["outsider"])
            assert who is not None
            view = access.require(session, who, "query", resource).view
            snapshot = session.exec(select(_release()).where(_release().resource_id == resource.id)).first().snapshot  # type: ignore[union-attr]
        sql = "SELECT x.hazard_id FROM (SELECT 'north' AS region) AS o, LATERAL (SELECT * FROM resource.weather) AS x"
        from warehouse.serving.view_sql import ItemMissing

        with pytest.raises(ItemMissing):
            query.ask(hub.settings, sql, {("resource", "weather"): view}, snapshots={("resource", "weather"): snapshot})


def _release() -> Any:
    from catalog.releases.releases import Release

    return Release


def test_that_a_condition_fails_tells_nothing_of_hidden_rows(hub: Hub) -> None:
    """`division` is the partner's own row filter: rows of 230102 are not theirs, and an error would say that there are any."""
    for days, status in (("2147483647", 400), ("3660000", 200)):
        for place in ("230803", "230102", "999999"):
            condition = f"CASE WHEN division = '{place}' THEN assessed_on + {days} < assessed_on ELSE FALSE END"
            answer = hub.get("/api/v1/resources/hazard/rows", "partner", params={"filter": condition})
            assert answer.status_code == status, (place, answer.text)


class TestOnRecord:
    """Every refusal, whichever door it came through."""

    def test_a_link_whose_right_has_ended(self, hub: Hub) -> None:
        number = hub.grant("hazard", "hlj-water", items=["hazard_id"])
        url = hub.get("/api/v1/resources/hazard/versions/1/files", "other").json()[0]["url"]
        with hub.session() as session:
            grants.revoke(session, number, reason="test")
        assert hub.client.get(url).status_code == 403
        assert (last(hub).action, last(hub).outcome, last(hub).organization_id) == ("download", "refused", "hlj-water")
        with hub.session() as session:
            session.delete(grants.find(session, number))

    @pytest.mark.parametrize("path", ["/api/v1/resources/hazard", "/delta-sharing/shares"])
    def test_a_revoked_key(self, hub: Hub, path: str) -> None:
        with hub.session() as session:
            key, bearer = people.issue_key(session, people.get_person(session, "partner"))
            people.revoke_key(session, key.prefix)
        assert hub.client.get(path, headers={"Authorization": f"Bearer {bearer}"}).status_code == 401
        assert (last(hub).actor, last(hub).action, last(hub).outcome) == (f"key:{key.prefix}", "authenticate", "refused")
        before = newest(hub)
        hub.client.get(path, headers={"Authorization": "Bearer hui_nosuchkey0_x"})
        assert newest(hub) == before, "noise of nobody known fills no chain"

    @pytest.mark.parametrize(
        ("words", "action"),
        [
            (["sql", "SELECT * FROM read_text('/etc/passwd')"], "query"),
            (["sql", "SELECT * FROM resource.nosuch"], "query"),
            (["sql", "SELECT * FROM resource.power"], "query"),
            (["release", "recall", "hazard", "1", "--reason", "x"], "recall"),
            (["people", "list"], "administer"),
            (["audit", "list"], "audit.list"),
        ],
    )
    def test_the_command_line(self, hub: Hub, monkeypatch: pytest.MonkeyPatch, words: list[str], action: str) -> None:
        before = newest(hub)
        assert command(hub, monkeypatch, ["--as", hub.keys["other"], *words]) == 1
        found = last(hub)
        assert (found.sequence, found.action, found.outcome) == (before + 1, action, "refused")
        assert found.organization_id == "hlj-water"

    def test_a_dead_key_on_the_command_line(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        with hub.session() as session:
            key, bearer = people.issue_key(session, people.get_person(session, "partner"))
            people.revoke_key(session, key.prefix)
        assert command(hub, monkeypatch, ["--as", bearer, "sql", "SELECT 1"]) == 1
        assert (last(hub).actor, last(hub).action) == (f"key:{key.prefix}", "authenticate")


def command(hub: Hub, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int:
    """Status of `hub` with these words, in this process."""
    from cli.main import main
    from cli.terminal import context

    monkeypatch.setenv("HUB_HOME", str(hub.settings.root))
    monkeypatch.setattr("sys.argv", ["hub", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        context.key.set("")
    return 0


def test_the_first_use_of_a_key_makes_nobody_wait(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time of use is written; kept open until the answer is made, that transaction held the catalogue's only write lock."""
    with hub.session() as session:
        key, bearer = people.issue_key(session, people.get_person(session, "partner"))
    inside, go = threading.Event(), threading.Event()
    real = query.page

    def slow(*arguments: Any, **more: Any) -> Any:
        inside.set()
        assert go.wait(20)
        return real(*arguments, **more)

    monkeypatch.setattr(query, "page", slow)
    headers, answers = {"Authorization": f"Bearer {bearer}"}, []
    asking = threading.Thread(
        target=lambda: answers.append(hub.client.get("/api/v1/resources/hazard/rows?limit=1", headers=headers))
    )
    asking.start()
    assert inside.wait(20)
    engine = database.engine(hub.settings.catalog_database)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=200")
            connection.exec_driver_sql("UPDATE remembered SET name = name")  # waits for the lock 0.2 s, then fails
            connection.exec_driver_sql(f"PRAGMA busy_timeout={database.BUSY_MILLISECONDS}")
    finally:
        go.set()
        asking.join(20)
    assert answers[0].status_code == 200
    with hub.session() as session:
        assert session.get_one(Key, key.id).last_used_at is not None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT timezone(name, now()) FROM resource.hazard",
        "SELECT 'a' LIKE 'b' ESCAPE 'cc'",
        "SELECT 1::VARIANT",
        "SELECT bitstring('1', 2147483647)",
        "SELECT bitstring_agg(x, 0, 999999999) FROM unnest([1]) AS t(x)",
        "SELECT CASE WHEN hazard_id = 'MH-0098' THEN CAST(name AS INTEGER) END FROM resource.hazard",
    ],
)
def test_every_fault_of_a_question_is_told_as_one(hub: Hub, sql: str) -> None:
    from tests.refusals.test_sql import VIEW

    with pytest.raises((QueryInvalid, QueryRefused)) as told:
        query.ask(hub.settings, sql, {("resource", "hazard"): VIEW}).read_all()
    assert "罐区" not in str(told.value)


def test_dates_that_python_has_no_word_for(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(hub, monkeypatch, ["sql", "SELECT DATE '290000-01-01' AS day", "--json"]) == 1
    assert "VARCHAR" in capsys.readouterr().err
