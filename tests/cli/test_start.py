"""What a verb imports before it does anything: its start is what people wait for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub import named
from hub.table import ACTS

PARSERS = frozenset({"jsonschema", "ruamel", "sqlglot", "yaml"})
ENGINES = frozenset({"duckdb", "openpyxl", "pandas", "pandera", "polars", "pyarrow"})
SERVERS = frozenset({"dagster", "dbt", "fastapi", "httpx", "uvicorn"})
HEAVY = PARSERS | ENGINES | SERVERS | {"alembic"}
EVERY_ACT = frozenset({"hub.deliveries", "hub.onboarding", "hub.packs", "hub.questions"})
"""Modules of acts of which no verb below needs more than one."""
CATALOGUE = frozenset({"catalog.ledger", "catalog.tables", "hub.acts"})
PROGRAM = """
import atexit, json, os, sys
atexit.register(lambda: os.write(3, json.dumps(sorted(sys.modules)).encode()))
from cli.main import main
main()
"""
"""A verb as `hub` runs it, which tells on descriptor 3 what it has imported."""
FORKS = """
import json, os, sys
from cli.main import main
import sqlmodel
for number, line in enumerate(json.loads(os.environ["LINES"])):
    if os.fork() == 0:
        sys.argv = ["hub", *line.split()]
        try:
            main()
        finally:
            sys.stderr.flush()
            os.write(3, json.dumps([number, sorted(sys.modules)]).encode() + b"\\n")
            os._exit(0)
    os.wait()
"""
"""Verbs that each begin where `hub` and the tables' library are imported, which took most of the time of each."""
BARE = {
    "--help": HEAVY | CATALOGUE | {"sqlalchemy", "sqlmodel"},
    "whoami": HEAVY | CATALOGUE | EVERY_ACT,
    "logout": HEAVY | CATALOGUE | EVERY_ACT,
}
"""Verbs that do without the most of the catalogue, and what must not be loaded for them."""
LISTS = (
    "agreement list", "attempts", "audit list", "batch list", "calendar list", "entry show nothing", "grants", "jobs list",
    "lineage nothing", "organizations list", "pack list", "people list", "release list nothing", "search 水质",
)  # fmt: skip
"""Verbs that read the catalogue: no engine, no parser, no act but their own."""
WITH_ENGINES = ("hub.explain", "hub.onboarding", "hub.questions")
"""Their acts do nothing without the engine that reads or asks."""
LIGHT = (
    "cli.account", "cli.backup", "cli.channels", "cli.contracts", "cli.doctor", "cli.init", "cli.lake", "cli.run", "cli.serve",
    "cli.supervisor", "cli.upgrade",
)  # fmt: skip
"""Verbs that do long or heavy work, and import what it needs when they are at it."""


@pytest.fixture(scope="module")
def lists(home: Path) -> list[set[str]]:
    """What each of LISTS has imported at its end."""
    told = [json.loads(line) for line in _told(FORKS, home, LINES=json.dumps(LISTS)).splitlines()]
    assert [number for number, _ in told] == [*range(len(LISTS))]
    return [_with_packages(names) for _, names in told]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a catalogue and nobody in it."""
    folder = tmp_path_factory.mktemp("start") / "var"
    _loaded("init", folder)
    return folder


def _loaded(line: str, home: Path) -> set[str]:
    """Modules that `hub` has imported at the end of a command, and the packages they are of."""
    return _with_packages(json.loads(_told(PROGRAM, home, line)))


def _with_packages(names: list[str]) -> set[str]:
    return set(names) | {name.partition(".")[0] for name in names}


def _told(program: str, home: Path, line: str = "", **more: str) -> str:
    """What a program writes on descriptor 3."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    words = f'exec 3>&{writing}; exec {sys.executable} -c "$PROGRAM" {line}'
    environment = {**os.environ, "HUB_HOME": str(home), "PROGRAM": program, "HUB_LANG": "en", **more}
    run = subprocess.Popen(["/bin/bash", "-c", words], env=environment, pass_fds=(writing,), stdout=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    run.wait()
    return told


@pytest.mark.parametrize("line", BARE)
def test_a_light_verb_imports_nothing_of_the_catalogue(line: str, home: Path) -> None:
    """`hub whoami` imported every table and each act's rules: two thirds of its start."""
    assert _loaded(line, home) & BARE[line] == set()


@pytest.mark.parametrize("line", LISTS)
def test_a_verb_that_reads_the_catalogue_imports_no_engine(line: str, lists: list[set[str]]) -> None:
    """`hub jobs list` imported all acts for their titles, and with them DuckDB, Arrow and every parser: 0.6 s of CPU."""
    loaded = lists[LISTS.index(line)]
    assert "catalog.store.database" in loaded, "it was run"
    assert loaded & HEAVY == set()
    assert len(loaded & EVERY_ACT) <= 1


def test_the_supervisor_of_serve_imports_nothing_to_serve_with(tmp_path: Path) -> None:
    """It lives as long as the server: 40 MB that none of its workers shares."""
    assert _loaded("serve --port 0", tmp_path / "none") & (HEAVY | CATALOGUE | {"api", "sqlalchemy", "sqlmodel"}) == set()


def test_what_is_imported_for_the_acts_is_no_engine() -> None:
    """A door that names an act would pay for all that its module can do."""
    rooms = {act.does.__module__ for act in ACTS.values()}.difference(WITH_ENGINES)
    program = "import importlib, json, sys; [*map(importlib.import_module, sys.argv[1:])]; print(json.dumps([*sys.modules]))"
    words = [sys.executable, "-c", program, *sorted(rooms), *LIGHT]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert {name.partition(".")[0] for name in json.loads(told)} & HEAVY == set()


def test_an_act_is_found_by_its_name_without_the_table() -> None:
    assert named.modules() == {name: act.does.__module__ for name, act in ACTS.items()}
    assert named.named("job.cancel") is ACTS["job.cancel"]
    with pytest.raises(KeyError):
        named.named("no-such-act")
