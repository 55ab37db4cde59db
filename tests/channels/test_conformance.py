"""What every channel must do, those of a plug-in too: nothing lost, nothing twice, nothing half, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.acquisition import channels as attempts
from catalog.acquisition.agreements import Agreement
from catalog.deliveries.batches import Batch
from channels import registry
from channels.registry import InvalidChannel, UnknownChannel
from hub import sources
from hub.hub import Hub
from orchestration.collect import Collected, collect
from orchestration.execute import execute
from tests.agreeing import set_channel
from tests.channels.benches import AGREEMENT, BENCHES, DATASET, Bench, FolderBench, S3Bench, WebFileBench, WorkbookBench
from tests.orchestration.conftest import turn
from warehouse.storage import landing
from warehouse.storage.connection import reader

ROOT = Path(__file__).parents[2]
KILLED = -9
GROWTH = 60 << 20
"""A collector's memory may grow by this much, whatever the size of what comes."""
ROWS = [("S1", 1), ("S2", 2), ("S3", 3)]
ODD = ("空 格", "a'b\"c;--", "..hidden", "line\nbreak", "\u202egnp", "n" * 200, "危" * 70, "\udcff\udcfe", "\\xff", "%2e%2e")


@pytest.fixture(autouse=True)
def plugged(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The trial channel, as an installed package would bring it: by its entry point."""
    place = tmp_path_factory.mktemp("plug-in")
    info = place / "trial_channel-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-channel\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[hui.channels]\nzip = tests.channels.trial:ZipChannel\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(place))
    registry.forget()
    yield place
    monkeypatch.undo()
    registry.forget()


@pytest.fixture(params=sorted(BENCHES))
def bench(request: pytest.FixtureRequest, hub: Hub) -> Iterator[Bench]:
    kind: Any = BENCHES[request.param]
    made = kind(hub, request.getfixturevalue(kind.server)) if kind.server else kind(hub)
    yield made
    made.close()


def take(hub: Hub) -> Collected:
    """One collect; it leaves exactly one attempt."""
    (agreed,) = sources.in_force(hub)[DATASET]
    before = len(outcomes(hub))
    collected = collect(hub, agreed)
    assert len(outcomes(hub)) == before + 1
    return collected


def outcomes(hub: Hub) -> list[str]:
    with hub.session() as session:
        return [one.outcome for one in attempts.listed(session)]


def batches(hub: Hub) -> list[Batch]:
    with hub.session() as session:
        return list(session.exec(select(Batch)))


def loaded(hub: Hub) -> list[tuple[str, int]]:
    """What is in the lake once everything that waits is loaded."""
    assert turn(hub, DATASET).trouble == []
    with reader(hub.settings) as lake:
        rows = lake.execute(f"SELECT site_id, amount FROM resource.{DATASET} ORDER BY 1").fetchall()
        raw = lake.execute(f"SELECT count(*), count(DISTINCT (_batch, _row)) FROM raw.{DATASET}").fetchone()
    assert raw is not None
    assert raw[0] == raw[1]
    return rows


def in_a_process(hub: Hub, plugged: Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HUB_CRASH_AT": crash_at, "PYTHONPATH": f"{plugged}:{ROOT}"}
    command = [sys.executable, "-m", "tests.channels.collecting", str(hub.settings.root)]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_channel_stands_on_this_bench() -> None:
    assert set(registry.kinds()) == {bench.kind for bench in BENCHES.values()}


def test_the_titles_are_in_both_languages_and_the_routes_are_known() -> None:
    for name, kind in registry.kinds().items():
        assert name == kind.kind
        assert all(kind.title)
        assert kind.routes
        assert set(kind.routes) <= {"request", "buy", "collect"}


def test_an_empty_source_is_no_delivery_and_no_failure(hub: Hub, bench: Bench) -> None:
    collected = take(hub)
    assert (collected.receptions, collected.failed) == ([], False)
    assert outcomes(hub) == [attempts.NOTHING]


def test_what_is_new_is_in_landing_with_its_receipt_and_not_yet_in_the_lake(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    (reception,) = take(hub).news
    (batch,) = batches(hub)
    assert (batch.id, batch.state, batch.agreement_id) == (reception.entry.batch_id, "received", AGREEMENT)
    assert landing.verify(hub.settings, batch.sha256)
    assert loaded(hub) == ROWS


def test_nothing_new_twice(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    assert len(take(hub).news) == 1
    assert take(hub).news == []
    assert loaded(hub) == ROWS
    assert take(hub).news == []
    assert len(batches(hub)) == 1


def test_a_peek_takes_nothing_and_remembers_nothing(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    (agreed,) = sources.in_force(hub)[DATASET]
    for _ in range(2):
        assert len(sources.opened(hub, agreed).peek(1).entries) == 1
    assert batches(hub) == []
    assert len(take(hub).news) == 1


def test_the_same_again_is_no_second_delivery(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    take(hub)
    bench.again()
    assert take(hub).news == []
    assert loaded(hub) == ROWS


def test_cut_in_the_middle_nothing_of_it_is_taken_and_the_next_one_goes_on(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    with bench.cut():
        assert take(hub).news == []
    assert batches(hub) == []
    assert len(take(hub).news) == 1
    assert loaded(hub) == ROWS


def test_killed_between_receipt_and_acknowledgement_nothing_is_lost_and_nothing_doubled(
    hub: Hub, bench: Bench, plugged: Path
) -> None:
    bench.put("a", ROWS)
    assert in_a_process(hub, plugged, crash_at="acknowledge").returncode == KILLED
    assert [batch.state for batch in batches(hub)] == ["received"]
    assert take(hub).news == []
    assert loaded(hub) == ROWS
    assert len(batches(hub)) == 1
    bench.put("b", [("S4", 4)])
    assert loaded(hub) == [*ROWS, ("S4", 4)]


def test_killed_before_the_acknowledgement_is_even_begun(hub: Hub, bench: Bench, plugged: Path) -> None:
    bench.put("a", ROWS)
    assert in_a_process(hub, plugged, crash_at="receipt").returncode == KILLED
    assert loaded(hub) == ROWS
    assert len(batches(hub)) == 1


def test_a_large_one_streams_in_bounded_memory(hub: Hub, bench: Bench, plugged: Path) -> None:
    size = bench.put_big()
    done = in_a_process(hub, plugged)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < GROWTH
    assert sum(batch.bytes for batch in batches(hub)) >= size


def test_names_with_odd_characters_come_once_each(hub: Hub, bench: Bench) -> None:
    for number, name in enumerate(ODD):
        bench.put(name, [(f"O{number}", number)])
    first = take(hub)
    assert not first.failed, first.notes
    assert take(hub).news == []
    expected = sorted((f"O{number}", number) for number, name in enumerate(ODD) if not _is_unfinished(bench, name))
    assert loaded(hub) == expected


def _is_unfinished(bench: Bench, name: str) -> bool:
    """No folder's channel takes a file whose name begins with a dot: that is how programs call what they have not finished."""
    if isinstance(bench, WebFileBench):  # all are rows of its one file
        return False
    return isinstance(bench, FolderBench | S3Bench | WorkbookBench) and name.startswith(".")


def test_wrong_credentials_are_a_failed_attempt_in_words(hub: Hub, bench: Bench) -> None:
    bench.put("a", ROWS)
    settings = bench.wrong_credentials()
    if settings is None:
        secrets = [
            name for name in registry.of(bench.kind).settings_model.model_fields if "token" in name or "password" in name
        ]
        assert secrets == [], "a channel that takes a credential shows here how it is turned away"
        return
    collected = take(hub)
    assert (collected.failed, collected.receptions) == (True, [])
    zh, en = collected.notes[0]
    assert bench.turned_away in zh
    assert bench.turned_away in en
    assert "genuine" not in zh + en
    assert outcomes(hub) == [attempts.FAILED]


def test_bad_settings_are_refused_by_name_in_both_languages_before_anything_is_asked(bench: Bench) -> None:
    for settings, field in bench.bad:
        with pytest.raises(InvalidChannel) as refused:
            registry.validate(bench.kind, settings)
        assert list(refused.value.faults) == [field], settings
        zh, en = refused.value.faults[field]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), zh
        assert en.isascii()
        assert field in refused.value.message
        assert field in refused.value.message_en


def test_good_settings_pass_with_and_without_their_kind(bench: Bench) -> None:
    settings = bench.settings()
    assert registry.validate(bench.kind, settings) == registry.validate(bench.kind, {**settings, "kind": bench.kind})


def test_a_setting_is_never_a_secret(bench: Bench) -> None:
    """Whoever reads the agreement reads them: tokens and passwords are named by variable or file."""
    for name in registry.of(bench.kind).settings_model.model_fields:
        if name.endswith("_columns"):  # names of columns: the key of a row opens nothing
            continue
        assert name.endswith(("_env", "_file")) or not any(word in name for word in ("token", "password", "secret", "key"))


def test_a_kind_that_is_not_there_says_which_are() -> None:
    with pytest.raises(UnknownChannel, match="folder"):
        registry.validate("pigeon", {})
    with pytest.raises(UnknownChannel, match="template"):
        registry.validate("folder", {"path": "x"}, route="collect")


def test_settings_that_went_wrong_later_are_a_failed_attempt(hub: Hub, bench: Bench) -> None:
    with hub.session() as session:
        set_channel(session, session.get_one(Agreement, AGREEMENT), {"kind": bench.kind, **bench.bad[0][0]})
    collected = take(hub)
    assert collected.failed
    assert bench.bad[0][1] in collected.notes[0][1]
    assert outcomes(hub) == [attempts.FAILED]


class TestTrial:
    """A channel that no room knows, brought by an installed package."""

    def test_runs_the_whole_way_from_agreement_to_lake(self, hub: Hub) -> None:
        bench = BENCHES["zip"](hub)
        bench.put("a", ROWS)
        (done,) = execute(hub.settings, ["request"])
        assert done.success, done.problems
        assert [(one.dataset, one.accepted) for one in done.loaded] == [(DATASET, 3)]
        (batch,) = batches(hub)
        assert (batch.organization_id, batch.filename, batch.state) == ("hlj-water", "a.csv", "loaded")
        (again,) = execute(hub.settings, ["request"])
        assert again.loaded == ()

    def test_no_room_names_it(self) -> None:
        rooms = ("api", "catalog", "channels", "cli", "contracts", "hub", "orchestration", "warehouse")
        files = (file for room in rooms for file in (ROOT / room).rglob("*.py"))
        assert not [file for file in files if "trial_channel" in file.read_text(encoding="utf-8")]

    def test_a_plug_in_that_is_broken_is_named(self, plugged: Path) -> None:
        points = plugged / "trial_channel-1.0.dist-info" / "entry_points.txt"
        points.write_text("[hui.channels]\nzip = tests.channels.nowhere:Channel\n", encoding="utf-8")
        registry.forget()
        with pytest.raises(registry.PlugInBroken, match="zip"):
            registry.kinds()

    def test_none_takes_the_place_of_the_hubs_own(self, plugged: Path) -> None:
        points = plugged / "trial_channel-1.0.dist-info" / "entry_points.txt"
        points.write_text("[hui.channels]\nfolder = tests.channels.nowhere:Channel\n", encoding="utf-8")
        registry.forget()
        assert registry.of("folder").__module__ == "channels.folder"
