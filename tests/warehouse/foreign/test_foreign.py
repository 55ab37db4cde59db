"""Foreign bytes are opened in a process of their own: what kills it kills nothing else, and no batch stays poisoned."""

from __future__ import annotations

import io
import os
import pickletools
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from contracts.inference.evidence import Undecided
from tests.warehouse.conftest import Hub, thing
from warehouse.foreign import door, files, limits, server, telling
from warehouse.onboarding.draft import Request
from warehouse.settings import Settings

HEAD = "编号,名称,数量\n"
SHEET = "xl/worksheets/sheet1.xml"


def far_cell(dimension: str = "") -> bytes:
    """A workbook of some kilobytes with a cell in its last row and column, and what it says of its extent."""
    book, made = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"], book.active["B1"], book.active["A2"] = "编号", "名称", "k1"
    book.active["XFD1048576"] = "far"
    book.save(made)
    with zipfile.ZipFile(made) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = f'<dimension ref="{dimension}"/>'.encode() if dimension else b""
    parts[SHEET], changed = re.subn(rb"<dimension [^>]*/>", told, parts[SHEET])
    assert changed == 1
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return again.getvalue()


def nested(depth: int = 60_000) -> bytes:
    """Objects in objects: some hundred thousand bytes that a reader of paths makes gigabytes of."""
    return b'[{"a":' + b'{"k":' * depth + b"1" + b"}" * depth + b"}]"


def small(hub: Hub, **told: Any) -> Settings:
    return hub.settings.model_copy(update={"reading_memory": "700MB", **told})


@pytest.mark.parametrize("dimension", ["", "A1:C2"], ids=["missing", "lying"])
def test_a_far_cell_kills_its_reader_alone_and_the_dataset_goes_on(hub: Hub, dimension: str) -> None:
    hub.given.add(thing())
    hub.settings = small(hub)
    outcome = hub.deliver(far_cell(dimension)).outcome
    assert outcome.state == "refused"
    assert "HUB_READING_MEMORY" in outcome.message_en, "not by a look at the file, which may lie: by the death of its reader"
    assert list(hub.ledger.unsettled()) == []
    assert hub.deliver(HEAD + "k1,甲,1\n").outcome.state == "loaded"
    assert hub.reconcile() == []


def test_nested_json_is_refused_within_its_limits(hub: Hub) -> None:
    hub.given.add(thing(reading={}))
    hub.settings = small(hub, reading_seconds=20)
    outcome = hub.deliver(nested()).outcome
    assert outcome.state == "refused"
    assert "拒绝" in outcome.message
    assert hub.deliver(HEAD + "k1,甲,1\n").outcome.state == "loaded"


def test_a_draft_of_killers_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    told = settings.model_copy(update={"reading_memory": "700MB", "reading_seconds": 20})
    for name, data in {"far.xlsx": far_cell(), "deep.json": nested()}.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises((telling.CannotBeRead, files.HubError)) as error:
            files.draft_contract(Request(path, "killers", "杀手", "x", name), told)
        assert error.value.message
        assert error.value.message_en
    assert list(settings.scratch.iterdir()) == []


def test_every_kind_of_file_comes_in_by_a_delivery(hub: Hub) -> None:
    """The next delivery of a dataset may be another kind than the first; dbf, KML and the like are deliveries as any."""
    hub.given.add(thing(reading={"media": "kml"}))
    mark = "<Placemark><ExtendedData>{}</ExtendedData></Placemark>"
    data = "".join(
        f"<Data name='{name}'><value>{value}</value></Data>"
        for name, value in zip(HEAD.strip().split(","), ("k1", "甲", 1), strict=True)
    )
    outcome = hub.deliver(f"<kml><Document>{mark.format(data)}</Document></kml>").outcome
    assert (outcome.state, outcome.accepted) == ("loaded", 1)
    assert hub.deliver("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n").outcome.state == "refused"


def test_what_a_worker_is_asked_names_only_what_its_server_has_imported(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of the catalogue in the question brings the catalogue's modules into every worker: 0.7 s of CPU a file."""
    hub.given.add(thing())
    framed, asked = telling.framed, []
    monkeypatch.setattr(telling, "framed", lambda message: asked.append(framed(message)) or asked[-1])
    assert hub.deliver(HEAD + "k1,甲,1\n").outcome.state == "loaded"
    print_modules = "import sys, warehouse.foreign.server; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", print_modules], capture_output=True, text=True, check=True).stdout.split()
    named = {told for data in asked for told in _modules_named(data[8:])}
    assert named - set(imported) == set()
    assert "contracts.deliveries" in named


def _modules_named(pickled: bytes) -> Iterator[str]:
    """Modules of the classes and functions that a pickle names: the text before each STACK_GLOBAL's own name."""
    texts: list[str] = []
    memo: list[str] = []
    for opcode, told, _ in pickletools.genops(pickled):
        if opcode.name == "MEMOIZE":
            memo.append(texts[-1] if texts else "")
        elif opcode.name in ("SHORT_BINUNICODE", "BINUNICODE"):
            texts.append(str(told))
        elif opcode.name in ("BINGET", "LONG_BINGET"):
            texts.append(memo[told])
        elif opcode.name == "STACK_GLOBAL":
            yield texts[-2]


class TestLimits:
    """The kernel's limits, and the supervisor's: tried with Python code in the place of a job."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "x.csv"
        path.write_text("a,b\n1,2\n")
        return path

    def test_time(self, settings: Settings, path: Path) -> None:
        allowed = limits.Limits(memory=1 << 30, seconds=0.0, output=1 << 30)
        with pytest.raises(telling.CannotBeRead, match="HUB_READING_SECONDS"):
            door.run(settings, "columns", allowed, request(path), name="x.csv")

    def test_memory(self, settings: Settings, tmp_path: Path) -> None:
        path = tmp_path / "far.xlsx"
        path.write_bytes(far_cell())
        allowed = limits.Limits(memory=1 << 28, seconds=60, output=1 << 30)
        with pytest.raises(telling.CannotBeRead, match="HUB_READING_MEMORY"):
            door.run(settings, "columns", allowed, request(path), name="far.xlsx")

    def test_memory_that_grows_is_seen_by_the_supervisor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where address space says little (many threads), what is used counts."""
        ends, held = os.pipe()
        ours, theirs = socket.socketpair()
        try:
            monkeypatch.setattr(limits, "resident", lambda process: 2 << 30)
            assert server._watch(ours, ends, os.getpid(), limits.Limits(1 << 30, 60, 1)) == "memory"
            monkeypatch.setattr(limits, "resident", lambda process: 1)
            theirs.close()
            assert server._watch(ours, ends, os.getpid(), limits.Limits(1 << 30, 60, 1)) == "gone"
            os.close(held)
            assert server._watch(ours, ends, os.getpid(), limits.Limits(1 << 30, 60, 1)) == ""
        finally:
            ours.close()
            os.close(ends)

    def test_output(self, hub: Hub) -> None:
        hub.given.add(thing(reading={}))
        hub.settings = hub.settings.model_copy(update={"max_unpacked_bytes": 2_000})
        rows = "".join(f"k{n},{os.urandom(20).hex()},{n}\n" for n in range(500))
        outcome = hub.deliver(HEAD + rows).outcome
        assert outcome.state == "refused"
        assert "disk" in outcome.message_en

    def test_questions_and_answers_come_through(self, settings: Settings, path: Path, tmp_path: Path) -> None:
        assert files.columns_of(path, {}, settings, name="x.csv") == ("a", "b")
        both = tmp_path / "both.zip"
        with zipfile.ZipFile(both, "w") as archive:
            archive.writestr("甲.csv", HEAD + "k1,甲,1\n")
            archive.writestr("乙.csv", HEAD + "k2,乙,2\n")
        with pytest.raises(Undecided) as open_question:
            files.draft_contract(Request(both, "both", "两种", "x", "both.zip"), settings)
        assert {choice.value for choice in open_question.value.questions[0].choices} == {"甲.csv", "乙.csv"}

    def test_what_nobody_foresaw_is_a_sentence_with_its_trace_in_the_log(self, settings: Settings, path: Path) -> None:
        with pytest.raises(telling.CannotBeRead) as error:
            door.run(settings, "columns", limits.of(settings, path), {"path": path}, name="x.csv")
        assert "Traceback" not in error.value.message
        assert "KeyError" in (settings.logs / "reading.log").read_text()


def request(path: Path) -> Mapping[str, Any]:
    return {"path": path, "reading": {}, "name": path.name}


def test_a_server_that_died_is_started_again(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    assert files.columns_of(path, {}, settings, name="x.csv") == ("a", "b")
    assert door._server is not None
    os.kill(door._server.process.pid, signal.SIGKILL)
    door._server.process.wait()
    assert files.columns_of(path, {}, settings, name="x.csv") == ("a", "b")


def test_the_reading_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    monkeypatch.setenv("HUB_CATALOG_URL", "postgresql://hub:secret@db/hub")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert not any("secret" in value for value in door._environment().values())


def test_a_worker_ends_with_its_asker(settings: Settings, tmp_path: Path) -> None:
    """Nobody waits for the answer any more: the supervisor ends the worker, whatever it is busy with."""
    path = tmp_path / "deep.json"
    path.write_bytes(nested())
    message = {
        "job": "draft",
        "limits": limits.Limits(memory=2 << 30, seconds=600, output=1 << 30),
        "settings": {**settings.model_dump(), "home": settings.root},
        "folder": tmp_path,
        "request": {"request": Request(path, "d", "d", "x", "deep.json")},
        "stays": False,
    }
    with door._ask() as channel:
        channel.sendall(telling.framed(message))
        deadline = time.monotonic() + 60
        while not (tmp_path / "said").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert door._server is not None
    until_alone(door._server.process.pid)


def until_alone(server: int) -> None:
    """Wait until the server has no child any more."""
    deadline = time.monotonic() + 60
    while Path(f"/proc/{server}/task/{server}/children").read_text().split():
        assert time.monotonic() < deadline, "a worker outlived its asker"
        time.sleep(0.05)


class TestInTurn:
    """Small plain files of one run share a worker; none brings another one down, or is refused by what another left."""

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """For each question to a shared worker: whether it had read another file before."""
        asked: list[bool] = []
        ask = door._Worker.ask

        def seen(worker: door._Worker, *of: Any) -> tuple[bool, dict[str, Any]]:
            before, answer = ask(worker, *of)
            asked.append(before)
            return before, answer

        monkeypatch.setattr(door._Worker, "ask", seen)
        return asked

    def test_several_files_have_one_worker_which_ends_with_the_run(self, hub: Hub, told: list[bool]) -> None:
        hub.given.add(thing())
        with door.in_turn():
            for number in range(3):
                assert hub.deliver(HEAD + f"k{number},甲,1\n").outcome.state == "loaded"
            assert door._server is not None
            assert len(children(door._server.process.pid)) == 1, "one supervisor for all three files"
        assert told == [False, True, True]
        until_alone(door._server.process.pid)

    def test_containers_and_large_files_are_read_alone(self, hub: Hub, told: list[bool]) -> None:
        hub.given.add(thing())
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("x.csv", HEAD + "k1,甲,1\n")
        with door.in_turn():
            assert hub.deliver(made.getvalue()).outcome.state == "loaded"
            many = HEAD + "".join(f"k{n},{'甲' * 40},1\n" for n in range(4_000))
            assert hub.deliver(many).outcome.state == "loaded"
        assert told == []

    def test_a_killer_between_two_files_is_refused_alone(self, hub: Hub, told: list[bool]) -> None:
        hub.given.add(thing(reading={}))
        hub.settings = small(hub, reading_seconds=20)
        with door.in_turn():
            assert hub.deliver(HEAD + "k1,甲,1\n").outcome.state == "loaded"
            assert hub.deliver(nested(30_000)).outcome.state == "refused"
            assert hub.deliver(HEAD + "k2,乙,2\n").outcome.state == "loaded"
        assert told == [False, True, False], "after what was refused, another worker"
        assert hub.reconcile() == []

    def test_a_worker_that_dies_between_two_files_costs_none_of_them(self, hub: Hub) -> None:
        hub.given.add(thing())
        with door.in_turn():
            assert hub.deliver(HEAD + "k1,甲,1\n").outcome.state == "loaded"
            assert door._server is not None
            for supervisor in children(door._server.process.pid):
                for worker in children(supervisor):
                    os.kill(worker, signal.SIGKILL)
            assert hub.deliver(HEAD + "k2,乙,2\n").outcome.state == "loaded"
        assert hub.reconcile() == []

    def test_a_worker_that_is_not_as_it_was_made_reads_no_other_file(self) -> None:
        memory, opened, threads = server._traces()
        assert server._fit((memory, opened, threads))
        assert not server._fit((memory - 2 * server.GROWN, opened, threads))
        assert not server._fit((memory, opened - 1, threads))
        assert not server._fit((memory, opened, threads - 1))

    def test_each_file_has_its_own_limits(self) -> None:
        """A worker's soft limits are set anew for each file; the last one's cannot be raised again."""
        child = os.fork()
        if child == 0:
            given = limits.given()
            done = []
            for output, last in ((1_000, False), (5_000, False), (2_000, True)):
                limits.impose(limits.Limits(1 << 30, 60, output), given, last=last)
                done.append(resource.getrlimit(resource.RLIMIT_FSIZE)[0] == output)
            done.append(resource.getrlimit(resource.RLIMIT_FSIZE)[1] == 2_000)
            os._exit(0 if all(done) else 1)
        assert os.waitpid(child, 0)[1] == 0

    def test_a_slow_file_after_others_is_ended_in_its_own_time(self, settings: Settings, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text("a,b\n1,2\n")
        none = limits.Limits(memory=1 << 30, seconds=0.0, output=1 << 30)
        with door.in_turn():
            enough = limits.of(settings, path)
            assert door.run(settings, "columns", enough, request(path), name="x.csv", shared=True)["columns"] == ["a", "b"]
            with pytest.raises(telling.CannotBeRead, match="HUB_READING_SECONDS"):
                door.run(settings, "columns", none, request(path), name="x.csv", shared=True)
            assert door.run(settings, "columns", enough, request(path), name="x.csv", shared=True)["columns"] == ["a", "b"]


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
