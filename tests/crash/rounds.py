"""Kill the hub at a named point or at any moment, start it again, reconcile: every count agrees and nothing is there twice.

python -m tests.crash.rounds [--rounds 50] [--seed N] [--moments] [--postgres SERVER]: random scripts; random points, or with
--moments a kill from outside, whatever the hub is at. `make crash-test` runs it.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from catalog.ledger import CatalogLedger
from catalog.store import database
from tests.crash import working
from tests.crash.stores import Stores
from tests.crash.working import DATASETS
from warehouse.settings import Settings
from warehouse.storage import backup, connection, landing
from warehouse.storage.commits import commits

ROOT = Path(__file__).parents[2]
KILLED = -9
LONGEST = 4.0
"""Seconds after its start within which a step is killed; most are done in less, and then nothing is killed."""
HEAD = "编号,名称,数量\n"
State = dict[str, list[tuple[Any, ...]]]


@dataclass
class Site:
    """A hub in a folder, and what was delivered to it."""

    folder: Path
    chance: random.Random
    stores: Stores = field(default_factory=Stores)
    files: int = 0
    steps: list[list[str]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.folder / "var", _env_file=None, **self.stores.addresses)

    def make(self) -> None:
        """An empty hub, copied from one that is made once."""
        shutil.copytree(empty_home(self.stores.server), self.settings.root, symlinks=True)
        self.stores.make()

    def file(self, rows: int = 40) -> str:
        """A delivery with new, changed, repeated, faulty and broken rows."""
        self.files += 1
        lines = []
        for _ in range(rows):
            key, amount = f"k{self.chance.randrange(60)}", self.chance.randrange(-2, 40)
            lines.append(f"{key},n{self.chance.randrange(3)},{amount}")
        lines.append(f"broken {self.files}")
        path = self.folder / f"delivered-{self.files}.csv"
        path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def work(self, steps: list[list[str]], crash_at: str = "", moment: float | None = None) -> int:
        """Do steps; with a point or a moment to die at in a process of its own, otherwise here. The exit status."""
        if not crash_at and moment is None:
            connection.forget(self.settings)
            working.run(self.settings, steps)
            return 0
        command = [sys.executable, "-m", "tests.crash.working", self.settings.model_dump_json(), json.dumps(steps)]
        environment = {**os.environ, "HUB_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            if moment is not None and process.stdout is not None and process.stdout.readline() == working.READY:
                time.sleep(moment)
                process.kill()
            _, told = process.communicate()
        if process.returncode not in (0, KILLED):
            raise AssertionError(f"{steps} at {crash_at or moment}: {told[-2000:]}")
        return process.returncode

    def state(self) -> State:
        """Every table's rows, without the provenance that two sites may number differently (batches bear the day)."""
        connection.forget(self.settings)
        with connection.reader(self.settings) as lake:
            held: State = {}
            there = lake.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name <> 'main'"
            ).fetchall()
            for library, name in there:
                columns = "* EXCLUDE (_batch, _row)" if library in ("raw", "resource") else "* EXCLUDE (batch)"
                held[f"{library}.{name}"] = sorted(
                    lake.execute(f'SELECT {columns} FROM lake."{library}"."{name}"').fetchall(), key=repr
                )
        connection.forget(self.settings)
        return {name: rows for name, rows in held.items() if rows}


@cache
def empty_home(server: str = "") -> Path:
    """A home with an empty catalogue and an empty lake; with a server both are databases, the templates of others."""
    folder = tempfile.mkdtemp(prefix="hui-crash-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stores = Stores.empty(server)
    settings = Settings(home=Path(folder) / "var", _env_file=None, **stores.addresses)  # type: ignore[call-arg]
    settings.root.mkdir()
    database.migrate(settings.catalog_database)
    connection.initialise(settings)
    connection.forget(settings)
    database.engine(settings.catalog_database).dispose()
    return settings.root


def agree(site: Site) -> None:
    """Catalogue, lake and landing say the same; nothing is loaded twice; no file is missing or damaged."""
    settings, ledger = site.settings, CatalogLedger(site.settings.catalog_database)
    assert not ledger.unsettled()
    connection.forget(settings)
    with connection.reader(settings) as lake:
        told = [made for made in commits(lake) if made.kind == "load"]
        assert len(told) == len({made.batch_id for made in told}), "a batch is in two snapshots"
        for dataset in DATASETS:
            for entry in ledger.history(dataset):
                raw = f"SELECT count(*), count(DISTINCT _row) FROM lake.raw.{dataset} WHERE _batch = '{entry.batch_id}'"
                counted = lake.execute(raw).fetchone() if entry.accepted else (0, 0)
                assert counted == (entry.accepted, entry.accepted), (entry, counted)
                kept = lake.execute(f"SELECT count(*) FROM quarantine.rows WHERE batch = '{entry.batch_id}'").fetchone()
                assert kept == (entry.quarantined,), (entry, kept)
                assert entry.received == entry.accepted + entry.quarantined
                assert landing.verify(settings, entry.receipt.sha256)
        for pin in pins(site):
            rows = lake.execute(f"SELECT count(*) FROM resource.{pin['dataset']} AT (VERSION => {pin['snapshot']})").fetchone()
            assert rows == (pin["rows"],), "a pinned version changed"
    connection.forget(settings)
    assert backup.verify(settings) == []


def pins(site: Site) -> list[Mapping[str, Any]]:
    path = site.settings.root / "pins.json"
    return json.loads(path.read_text()) if path.exists() else []


NEEDED = {
    "acknowledge": "collect",
    "undo": "undo",
    "release": "release",
    "compaction": "maintain",
    "expiry": "maintain",
    "clean-up": "maintain",
    "backup": "backup",
}
"""What reaches a point that no delivery reaches."""


def script(site: Site, point: str) -> list[list[str]]:
    """A few random deliveries, with what else may happen to a hub between them, and what reaches the point."""
    steps = []
    needed = NEEDED.get(point.partition(":")[0], "")
    for number in range(site.chance.randrange(2, 5)):
        dataset = site.chance.choice(sorted(DATASETS))
        steps.append(["deliver", dataset, site.file()])
        extra = site.chance.choice(["", "", "", "", "release", "maintain", "undo", "backup"])
        told = {
            "release": ["release", dataset],
            "maintain": ["maintain"],
            "undo": ["undo", dataset, "-1"],
            "backup": ["backup", str(site.folder / "backups")],
        }
        if number == 1 and needed:
            extra = needed
        if extra:
            steps.append(["collect", dataset, site.file()] if extra == "collect" else told[extra])
    return steps


def one_round(folder: Path, seed: int, point: str = "", server: str = "") -> bool:
    """Run a script with a kill at `point`, or at any moment, and to its end after that; beside it, the same without.

    Whether it was killed.
    """
    struck, calm = (Site(folder / name, random.Random(seed), Stores(server)) for name in ("struck", "calm"))
    for site in (struck, calm):
        site.make()
        site.steps = script(site, point)
    moments, killed = random.Random(seed), False
    struck_at = moments.randrange(len(struck.steps))
    for number, step in enumerate(struck.steps):
        due = not killed and (bool(point) or number == struck_at)
        moment = None if point or not due else moments.uniform(0, LONGEST)
        if struck.work([step], crash_at=point if due else "", moment=moment) == KILLED:
            killed = True
            struck.work([["reconcile"]])
            agree(struck)
            # An undo that reached the lake is told by reconcile; again it would take another batch.
            if step[0] != "undo" or "undone" not in told_states(struck):
                struck.work([step])
    calm.work(calm.steps)
    agree(struck)
    agree(calm)
    assert struck.state() == calm.state(), f"seed {seed}, {point or 'at a moment'}: the struck hub differs from the calm one"
    for site in (struck, calm):
        site.stores.drop()
    return killed


def told_states(site: Site) -> set[str]:
    ledger = CatalogLedger(site.settings.catalog_database)
    connection.forget(site.settings)
    with connection.reader(site.settings) as lake:
        undone = [made.batch_id for made in commits(lake) if made.kind == "undo"]
    connection.forget(site.settings)
    return {ledger.entry(batch).state for batch in undone}


def main() -> None:
    """Random rounds, all of which must agree."""
    from warehouse.storage.failpoints import POINTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--moments", action="store_true", help="kill at any moment, not at a named point")
    parser.add_argument("--postgres", default="", help="URL of a server, without a database, for catalogue and lake")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    killed = 0
    print(f"seed {options.seed}")
    for number in range(1, options.rounds + 1):
        point = chance.choice(POINTS) + (f":{chance.randrange(2, 4)}" if chance.random() < 0.3 else "")
        seed, told = chance.randrange(1 << 30), "a moment" if options.moments else point
        with tempfile.TemporaryDirectory() as folder:
            struck = one_round(Path(folder), seed, "" if options.moments else point, options.postgres)
        killed += struck
        print(f"round {number:3}: {told:18} {'killed, mended, agrees' if struck else 'not reached, agrees'}", flush=True)
    print(f"{options.rounds} rounds agree, {killed} with a kill")


if __name__ == "__main__":
    main()
