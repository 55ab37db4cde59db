"""hub init, doctor, people, organizations, audit, search: as a person types them, in a home of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rich.cells import cell_len
from sqlalchemy import text
from typer.testing import CliRunner

from catalog.deliveries.batches import Batch
from catalog.store import database
from cli.doctor import examine
from cli.init import divisions_folder
from cli.main import app
from contracts import clock
from contracts.errors import HubError
from tests.catalog import making
from warehouse.settings import Settings

Hub = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation that `hub` finds, and that speaks English."""
    for name, value in {"HUB_HOME": str(tmp_path / "var"), "HUB_LANG": "en", "HUB_AS": "", "HUB_CATALOG_URL": ""}.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.fixture
def hub(home: Settings) -> Hub:
    """Runs a command; what it refuses is raised."""
    runner = CliRunner()

    def run(*arguments: str, status: int = 0, **more: Any) -> Result:
        result = runner.invoke(app, list(arguments), **more)
        if isinstance(result.exception, HubError):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.fixture
def ready(hub: Hub) -> Hub:
    """After `hub init`."""
    hub("init")
    return hub


def test_the_doctor_minds_a_chain_that_nobody_seals(ready: Hub, home: Settings) -> None:
    from catalog.overview import health

    def told() -> health.Finding:
        with database.session(home.catalog_database) as session:
            return next(one for one in health.examine(session, home.audit_head) if one.name == "audit")

    ready("people", "add", "li", "--role", "steward")
    assert told().state == "good"
    with clock.moved(timedelta(hours=2)):
        later = told()
    assert (later.state, later.mend_en.count("hub audit seal")) == ("warning", 1)
    ready("audit", "seal")
    assert told().state == "good"


def test_the_doctor_minds_a_clock_that_was_moved(ready: Hub) -> None:
    def finding(status: int) -> dict[str, str]:
        return next(one for one in json.loads(ready("doctor", "--json", status=status).stdout) if one["name"] == "clock")

    assert finding(0)["state"] == "good"
    with clock.moved(timedelta(days=-8)):
        assert finding(1)["state"] == "bad"
        assert "HUB_CLOCK" in finding(1)["remedy_en"]


def test_without_a_home_every_verb_says_how_to_begin_and_makes_nothing(hub: Hub, home: Settings) -> None:
    found = json.loads(hub("doctor", "--json", status=1).stdout)
    assert {"name": "home", "remedy_en": "hub init"}.items() <= next(one for one in found if one["name"] == "home").items()
    assert not home.root.exists()


def test_a_key_of_no_one_may_do_nothing(ready: Hub) -> None:
    with pytest.raises(HubError, match="密钥"):
        ready("--as", "hui_0_0", "people", "list")


@pytest.mark.parametrize("role", ["steward", "partner", "analyst", "auditor", "provider"])
def test_only_administrators_administer(ready: Hub, role: str) -> None:
    ready("people", "add", "li", "--role", role)
    key = json.loads(ready("people", "key", "li", "--json").stdout)["key"]
    for verb in (["people", "list"], ["people", "add", "x", "--role", "steward"], ["organizations", "add", "x", "--name", "x"]):
        with pytest.raises(HubError):
            ready("--as", key, *verb)


def test_init_makes_everything_once(hub: Hub, home: Settings) -> None:
    first = json.loads(hub("init", "--organization", "hlj-emergency", "--name", "省应急管理厅", "--json").stdout)
    assert first["organization"] == "hlj-emergency"
    assert len(first["password"]) >= 12
    assert first["divisions"] == (44_703 if divisions_folder(home).is_dir() else 0)
    assert (home.root / "keys").stat().st_mode & 0o777 == 0o700
    assert home.audit_key.stat().st_mode & 0o777 == 0o600
    assert home.audit_head.exists()
    again = json.loads(hub("init", "--json").stdout)
    assert (again["organization"], again["password"], again["public_key"]) == ("hlj-emergency", "", first["public_key"])
    assert [one["action"] for one in json.loads(hub("audit", "list", "--json").stdout)] == ["pack.add", "hub.init"]


def test_a_healthy_home_has_nothing_bad(ready: Hub, home: Settings) -> None:
    found = {one.name: one for one in examine(home)}
    assert [one.name for one in found.values() if one.state == "bad"] == []
    assert {"python", "packages", "extensions", "home", "disk", "clock", "writer", "migrations", "lake"} <= found.keys()
    assert {"batches", "calendar", "divisions", "classes", "people", "search", "audit"} <= found.keys()


def test_the_doctor_finds_what_is_broken_and_says_how_to_mend_it(ready: Hub, home: Settings) -> None:
    home.audit_head.unlink()
    home.audit_key.chmod(0o644)
    with database.session(home.catalog_database) as session:
        for statement in (
            "DELETE FROM calendarday WHERE day >= '2026-01-01'",
            "DELETE FROM code WHERE list_name = 'division'",
        ):
            session.connection().execute(text(statement))
        stuck = clock.now() - timedelta(hours=1)
        session.add(
            Batch(
                id="20260101-0001", dataset="x", contract_version="1", sha256="", bytes=0, filename="", sequence=1,
                state="checking", received_at=stuck,
            )
        )  # fmt: skip
    found = {one.name: one for one in examine(home) if one.state != "good"}
    assert {"audit", "home", "calendar", "divisions", "batches"} <= found.keys()
    assert all(one.mend and one.mend_en for one in found.values())
    assert "20260101-0001" in found["batches"].message
    assert ready("doctor", status=1).stdout.count("→") == len(found)


def test_a_catalogue_of_another_revision_is_found(ready: Hub, home: Settings) -> None:
    with database.session(home.catalog_database) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0001'"))
    told = next(one for one in examine(home) if one.name == "migrations")
    assert (told.state, told.mend_en) == ("bad", "hub init")


def test_people_from_first_to_last(ready: Hub) -> None:
    ready("organizations", "add", "water", "--name", "省水利厅", "--division", "23")
    ready("people", "add", "li", "--name", "李敏", "--organization", "water", "--role", "steward", "--role", "analyst")
    key = json.loads(ready("people", "key", "li", "--label", "notebook", "--json").stdout)
    ready("people", "password", "li", "--stdin", input="correct horse\n")
    told = {one["login"]: one for one in json.loads(ready("people", "list", "--json").stdout)}["li"]
    assert (told["organization"], told["roles"], told["password"]) == ("water", ["steward", "analyst"], True)
    assert [(one["prefix"], one["state"]) for one in told["keys"]] == [(key["prefix"], "live")]
    ready("--as", key["key"], "search")
    ready("people", "revoke", key["key"])
    with pytest.raises(HubError):
        ready("--as", key["key"], "search")
    ready("people", "close", "li")
    actions = [one["action"] for one in json.loads(ready("audit", "list", "--json").stdout)]
    assert actions[:5] == ["people.close", "key.revoke", "people.password", "key.issue", "people.add"]
    assert "water" in ready("organizations", "list").stdout


def test_the_audit_is_verified_from_the_command_line(ready: Hub, home: Settings) -> None:
    ready("people", "add", "li", "--role", "steward")
    assert "2" in ready("audit", "seal").stdout
    assert "3" in ready("audit", "seal").stdout, "the first act itself is sealed by the second"
    assert json.loads(ready("audit", "verify", "--json").stdout)["good"] is True
    with database.session(home.catalog_database) as session:
        session.connection().execute(text("DROP TRIGGER auditrecord_no_update"))
        session.connection().execute(text("UPDATE auditrecord SET actor = 'nobody' WHERE sequence = 2"))
    told = ready("audit", "verify", status=1).stdout
    assert "record 2 was changed" in told
    assert [one["sequence"] for one in json.loads(ready("audit", "verify", "--json", status=1).stdout)["findings"]] == [2]


def test_search_prints_what_was_found_and_why(ready: Hub, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.session(home.catalog_database) as session:
        making.resource(session, titleEn="Major hazard")
    told = json.loads(ready("search", "危险源编号", "--json").stdout)
    assert told[0]["name"] == "major_hazard"
    assert told[0]["matches"] == [{"field": "item", "text": "重大危险源编号", "synonym": None}]
    english = ready("search").stdout
    assert "1 entry, page 1 of 1" in english
    assert "Major" in english
    assert "危险化" not in english, "whoever reads English sees the English titles"
    monkeypatch.setenv("HUB_LANG", "zh")
    assert "危险化" in ready("search").stdout


@pytest.mark.parametrize("width", [60, 80])
def test_lists_are_whole_on_a_narrow_terminal(ready: Hub, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """At 4481aa4 names were folded by the letter and ended in "…" at 80 columns."""
    name, code = "黑龙江省应急管理厅危险化学品安全监督管理处", "11230000000000001AM"
    ready("organizations", "add", "hlj-emergency-chemicals", "--name", name, "--kind", "department", "--credit-code", code)
    monkeypatch.setenv("COLUMNS", str(width))
    for command in (("organizations", "list"), ("audit", "list")):
        told = ready(*command).stdout
        assert "…" not in told
        assert max(cell_len(line) for line in told.splitlines()) <= width
    listed = ready("organizations", "list").stdout
    assert name in listed
    assert f"credit code {code}" in listed
