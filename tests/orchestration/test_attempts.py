"""Every look at a channel has an outcome in the catalogue; one that fails again and again is somebody's task."""

from __future__ import annotations

import gzip
import json
import os
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from catalog import workdays
from catalog.acquisition import channels, memory
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.memory import ChannelMemory
from catalog.identity.people import Subject
from catalog.overview import health, inbox
from channels.http import HttpChannel
from cli.main import app
from contracts.clock import today
from hub import sources
from hub.hub import Hub
from orchestration import load
from orchestration.collect import RunTime, collect, look_ahead
from orchestration.turns import Turn
from tests.agreeing import set_channel
from tests.orchestration import conftest
from tests.orchestration.conftest import agree, drop
from warehouse.storage import connection, tables

LOCAL = Subject("local", kind="local")


def turn(hub: Hub) -> Turn:
    return conftest.turn(hub, "station")


def outcomes(hub: Hub, dataset: str = "station") -> list[tuple[str, str]]:
    with hub.session() as session:
        return [(one.outcome, one.reason_en) for one in channels.listed(session, dataset=dataset)]


@pytest.fixture
def away(stocked: Hub) -> Hub:
    """Station's agreement has an endpoint that nobody serves."""
    with stocked.session() as session:
        agreement = session.get(Agreement, "XY-station")
        assert agreement is not None
        set_channel(session, agreement, {"kind": "http", "url": "http://127.0.0.1:9/", "attempts": 1})
        session.add(agreement)
    return stocked


def test_a_batch_that_came_is_an_attempt(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    taken = turn(stocked).news[0]
    with stocked.session() as session:
        (one,) = channels.listed(session)
        assert (one.outcome, one.batches, one.channel) == ("taken", [taken.batch_id], "folder")
        assert one.bytes > 0


def test_a_source_that_is_away_leaves_a_trace(away: Hub) -> None:
    assert turn(away).failed
    ((outcome, reason),) = outcomes(away)
    assert outcome == "failed"
    assert "127.0.0.1:9" in reason


def test_a_page_that_kills_its_reader_is_a_failed_attempt_and_other_channels_go_on(
    away: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of 60 KB that becomes a gigabyte of records: its reader is ended, the run is not."""
    body = gzip.compress(b"[" + b"{}," * 16_000_000 + b"{}]")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served, away.session() as session:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        agreement = session.get_one(Agreement, "XY-station")
        set_channel(session, agreement, {"kind": "http", "url": f"http://127.0.0.1:{served.server_port}/", "attempts": 1})
        session.add(agreement)
        agree(session, "XY-station-2", "station", "request", "hlj-water", {"kind": "folder", "path": "inbox/station"})
        session.commit()
        drop(inbox / "station", "a.csv", "S1,1")
        monkeypatch.setattr(away.settings, "reading_memory", "800MB")
        made = turn(away)
        served.shutdown()
    assert made.failed
    assert len(made.news) == 1
    told = dict(outcomes(away))
    assert "memory" in told["failed"]
    assert "taken" in told


def test_what_nobody_thought_of_is_said_in_words_and_other_channels_go_on(
    away: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away.session() as session:
        agree(session, "XY-station-2", "station", "request", "hlj-water", {"kind": "folder", "path": "inbox/station"})

    def breaks(*told: Any) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(HttpChannel, "collect", breaks)
    drop(inbox / "station", "a.csv", "S1,1")
    made = turn(away)
    assert made.failed
    assert len(made.news) == 1
    assert "maximum recursion" not in str(made.notes)
    assert sorted(outcome for outcome, _ in outcomes(away)) == ["failed", "taken"]


def test_a_folder_without_a_file_is_no_attempt(stocked: Hub) -> None:
    turn(stocked)
    assert outcomes(stocked) == []


def test_three_failures_in_a_row_are_a_task_and_the_doctor_says_so(away: Hub) -> None:
    with away.session() as session:
        workdays.seed(session)
    for times in (1, 2, 3):
        turn(away)
        with away.session() as session:
            tasks = [task.key for task in inbox.inbox(session, LOCAL).own if task.kind == "channel"]
            finding = next(one for one in health.examine(session) if one.name == "channels")
        assert tasks == (["XY-station"] if times == 3 else [])
        assert finding.state == ("warning" if times == 3 else "good")
    with away.session() as session:
        other = Subject("p", organization_id="hlj-power", roles=frozenset({"provider"}))
        assert [task for task in inbox.inbox(session, other).own if task.kind == "channel"] == []
        attempt = channels.listed(session)[0].model_dump(exclude={"id"})
        channels.record(session, channels.ChannelAttempt(**{**attempt, "outcome": "nothing"}))
        assert channels.failing(session) == []


def test_the_command_lists_them(away: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HOME", str(away.settings.root))
    monkeypatch.setenv("HUB_LANG", "en")
    monkeypatch.setenv("COLUMNS", "200")
    turn(away)
    told = CliRunner().invoke(app, ["attempts", "--failed"])
    assert told.exit_code == 0, told.output
    assert "XY-station" in told.output
    assert "127.0.0.1:9" in told.output


def test_a_run_without_time_leaves_endpoints_to_the_next_one(away: Hub) -> None:
    (agreed,) = sources.in_force(away, ["station"])["station"]
    collected = collect(away, agreed, run_time=RunTime(0))
    assert "HUB_RUN_FETCH_SECONDS" in collected.notes[0][1]


class TestMemoryOfEarlierVersions:
    """Until migration 0011 it was a JSON file beside the catalogue."""

    def remember(self, hub: Hub, file: Path, batch: str) -> Path:
        status = file.stat()
        kept = hub.settings.root / "routes" / "XY-station.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({file.name: [status.st_size, status.st_mtime_ns, batch]}), encoding="utf-8")
        return kept

    def test_comes_into_the_catalogue_at_the_first_look(self, stocked: Hub, inbox: Path) -> None:
        file = drop(inbox / "station", "a.csv", "S1,1")
        batch = turn(stocked).news[0].batch_id
        with stocked.session() as session:
            for row in session.exec(select(ChannelMemory)):
                session.delete(row)
        kept = self.remember(stocked, file, batch)
        (kept.parent / "XY-station").mkdir(exist_ok=True)
        (kept.parent / "XY-station" / "since.txt").write_text("2026-03-01", encoding="utf-8")
        assert look_ahead(stocked, sources.in_force(stocked, ["station"]))[1] == []
        with stocked.session() as session:
            assert memory.read(session, "XY-station")["since"] == "2026-03-01"
        assert not kept.exists()

    def test_files_whose_batch_the_catalogue_lost_are_taken_again(self, stocked: Hub, inbox: Path) -> None:
        """The catalogue came back from before; the memory beside it said that the file was taken."""
        self.remember(stocked, drop(inbox / "station", "a.csv", "S1,1"), "20991231-0007")
        assert len(turn(stocked).news) == 1


def test_a_busy_lake_does_not_fail_the_run_before_it_begins(stocked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAKE_TABLES_SECONDS", 0.1)
    with connection.writer_lock(stocked.settings, purpose="test"):
        load.make_tables(stocked, ["station", "well"])
    with connection.reader(stocked.settings) as lake:
        assert tables.existing(lake, "resource", "well") == {}


@pytest.mark.day
def test_nothing_is_taken_under_an_agreement_that_expired(stocked: Hub, inbox: Path) -> None:
    file = drop(inbox / "station", "a.csv", "S1,1")
    os.utime(file, (1e9, 1e9))  # long settled: a wait would sleep, which fails under faketime (EINVAL)
    with stocked.session() as session:
        session.get_one(Agreement, "XY-station").valid_until = today() - timedelta(days=1)
    refused = turn(stocked)
    assert (refused.failed, refused.news) == (True, [])
    ((outcome, reason),) = outcomes(stocked)
    assert outcome == "failed"
    assert "XY-station" in reason
    with stocked.session() as session:
        session.get_one(Agreement, "XY-station").valid_until = today()
    assert len(turn(stocked).news) == 1, "the file waited, and an agreement's last day counts"
