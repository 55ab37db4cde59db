"""`models`: refreshing the demo pack's models with many events when one in a hundred is new, beside making them anew.

Baseline: a full refresh of all models. Candidates: a refresh with nothing new, with a batch of 1 % more events, with a batch of
them undone. CPU is that of this process, without dbt's start; rows are those that the lake's snapshots say were written.
Limit: a refresh of 1 % costs less than half of a full one, both above what dbt takes for itself: a run over empty tables.
`python -m benchmarks.models [--events 50000]`
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from catalog.identity.organizations import Organization
from catalog.identity.people import system_subject
from catalog.store import database
from contracts.packs.contents import open_pack
from hub.hub import open_hub
from hub.packs import SHIPPED, AddPack, add
from orchestration import dbt
from warehouse.settings import Settings
from warehouse.storage import connection, tables

LIMIT = 0.5
ROUNDS = 3
FOLDERS = (SHIPPED / "base", SHIPPED / "emergency")
BATCHES = 100
EVENTS = """
INSERT INTO lake.resource.earthquake (event_id, occurred_at, magnitude, depth, place, lon, lat, _batch, _row)
SELECT 'q' || i, TIMESTAMPTZ '2020-01-01 00:00:00+08' + to_seconds(i * 180), 2 + i % 50 / 10.0, 10, '地点' || i % 1000,
       122 + i * 7919 % 12000 / 1000.0, 44 + i * 104729 % 8000 / 1000.0,
       '{batch}' || lpad((i * {batches} // {many})::VARCHAR, 4, '0'), i
FROM range({first}, {first} + {many}) t(i)
"""
DIVISIONS = """
INSERT INTO lake.resource.division (code, name, level, parent_code, _batch, _row)
SELECT '23', '黑龙江省', 1, NULL, 'd', 1 UNION ALL SELECT '2301', '市', 2, '23', 'd', 2
UNION ALL SELECT '2301' || lpad(i::VARCHAR, 2, '0'), '县' || i, 3, '2301', 'd', 2 + i FROM range(1, 100) t(i)
"""
ENTERPRISES = """
INSERT INTO lake.resource.enterprise_registration (credit_code, name, division, status, lon, lat, _batch, _row)
SELECT 'E' || i, '企业' || i, '2301' || lpad((1 + i % 99)::VARCHAR, 2, '0'), '存续', 122 + i * 31 % 12000 / 1000.0,
       44 + i * 17 % 8000 / 1000.0, 'e', i FROM range(20000) t(i)
"""


def main() -> None:
    """Status 1 where a small refresh costs too much of a whole one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hui-bench-"))
    try:
        settings = Settings(home=folder / "var", _env_file=None)  # type: ignore[call-arg]
        prepare(settings)
        dbt.build(settings, tests=False)
        itself = median(told("empty tables", settings, lambda: None, full_refresh=True) for _ in range(ROUNDS))
        fill(settings, options.events)
        dbt.build(settings, tests=False)
        told("nothing new", settings, lambda: None)
        more = options.events // 100
        new = EVENTS.format(batch="n", batches=1, many=more, first=options.events)
        undone = "DELETE FROM lake.resource.earthquake WHERE _batch LIKE 'n%'"
        wholes, parts = [], []
        for _ in range(ROUNDS):
            wholes.append(told("made anew", settings, lambda: None, full_refresh=True))
            parts.append(told(f"{more:,} events more", settings, lambda: write(settings, new)))
            told("that batch undone", settings, lambda: write(settings, undone))
        whole, part = median(wholes), median(parts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    above = (part - itself) / (whole - itself)
    print(f"CPU, medians of {ROUNDS}: empty tables {itself:.1f} s, made anew {whole:.1f} s, 1 % more {part:.1f} s")
    print(f"1 % more: {above:.2f} of making all anew above empty tables ({part / whole:.2f} in all)")
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    sys.exit(1 if above > LIMIT else 0)


def prepare(settings: Settings) -> None:
    """A home with the demo's pack and its tables, empty."""
    connection.initialise(settings)
    database.migrate(settings.catalog_database)
    hub = open_hub(settings)
    contracts = [contract for folder in FOLDERS for contract in open_pack(folder).contracts]
    with hub.session() as session:
        for owner in {contract.owner for contract in contracts}:
            session.add(Organization(id=owner, name=owner, kind="department"))
    for folder in FOLDERS:
        add(hub, system_subject("bench"), AddPack(file=folder))
    with connection.writer(settings) as lake:
        for contract in contracts:
            tables.make(lake, contract, libraries=("resource",))


def fill(settings: Settings, events: int) -> None:
    """A province of a hundred counties and that many events."""
    with connection.writer(settings) as lake:
        lake.execute(DIVISIONS)
        lake.execute(ENTERPRISES)
        lake.execute(EVENTS.format(batch="b", batches=BATCHES, many=events, first=0))


def write(settings: Settings, statement: str) -> None:
    """Change the lake."""
    with connection.writer(settings) as lake:
        lake.execute(statement)


def told(name: str, settings: Settings, before: Callable[[], None], *, full_refresh: bool = False) -> float:
    """One refresh: seconds of CPU, of the clock by model, and rows that the lake says were written."""
    before()
    first = newest(settings)
    cpu, wall = time.process_time(), time.perf_counter()
    run = dbt.build(settings, full_refresh=full_refresh, tests=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if run.failed:
        raise RuntimeError("; ".join(str(one.message) for one in run.failed))
    each = ", ".join(f"{one.model} {one.seconds:.1f} s" for one in run.results)
    print(f"{name}: {cpu:.1f} s of CPU, {wall:.1f} s ({each}); {rows(settings, first):,} rows written", flush=True)
    return cpu


def newest(settings: Settings) -> int:
    """The lake's newest snapshot."""
    with connection.reader(settings) as lake:
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    return int(snapshot)


def rows(settings: Settings, after: int) -> int:
    """Rows of models that snapshots after this one have brought."""
    counted = 0
    with connection.reader(settings) as lake:
        for table in ("theme.geography", "theme.enterprise", "theme.hazard", "topic.regional_risk"):
            [(count,)] = lake.execute(f"SELECT count(*) FROM lake.{table} WHERE snapshot_id > {after}").fetchall()
            counted += int(count)
    return counted


if __name__ == "__main__":
    main()
