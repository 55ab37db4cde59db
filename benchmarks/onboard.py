"""A CSV of 5 M rows × 10 columns from delivery to queryable resource table, with its checks, against DuckDB alone.

Baseline: DuckDB reads the same CSV and writes one lake table. Measured beside it: a first load, a second delivery with
10 % of the rows changed, one with every row changed, and a first load in which one row in a thousand is at fault.

python -m benchmarks.onboard [--rows 5000000] [--pairs 5] [--only first]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pairs import Ratio, compare, measured, report

LIMITS = {"first": 3.5, "tenth": 5.0, "all": 8.0, "faulty": None}
MEMORY_MB = 2048


def contract() -> Any:
    """Integer, timestamp and number types, required, patterns, ranges, a code list, not in the future, unique."""
    from contracts.model import Contract, Delivery, Item, Type

    return Contract(
        id="urn:hui:dataset:sightings",
        version="1.0.0",
        dataset="sightings",
        title="卡口过车",
        delivery=Delivery.CHANGES,
        items=(
            Item("id", "编号", Type.INTEGER, key=1, required=True),
            Item("plate", "车牌", Type.STRING, required=True, pattern="P[0-9]{8}"),
            Item("seen_at", "时间", Type.TIMESTAMP, maximum="now"),
            Item("speed", "速度", Type.NUMBER, minimum="0", maximum="2000"),
            Item("age", "车龄", Type.INTEGER, minimum="0", maximum="150"),
            Item("kind", "类型", Type.STRING, code_list="kinds"),
            Item("name", "名称", Type.STRING),
            Item("phone", "电话", Type.STRING, pattern="1[3-9][0-9]{9}"),
            Item("lon", "经度", Type.NUMBER),
            Item("status", "状态", Type.STRING),
        ),
        reading={"encoding": "utf-8", "delimiter": ",", "header": 1},
    )


class Given:
    """The contract and its code list."""

    def codes(self, name: str) -> list[str]:
        """Forty kinds."""
        return [a + b for a in "ABCDE" for b in "ABCDEFGH"]

    def contract(self, dataset: str, version: str | None = None) -> Any:
        """The one contract."""
        return contract()


def write(path: Path, rows: int, *, changed: str = "false", faulty: str = "false") -> None:
    """The file; `changed` and `faulty` are conditions over the row's number i."""
    import duckdb

    duckdb.connect().execute(
        f"""COPY (SELECT i AS id, CASE WHEN {faulty} THEN '?' ELSE 'P' || lpad((i % 100000)::VARCHAR, 8, '0') END AS plate,
            strftime(TIMESTAMP '2024-01-01' + INTERVAL (i % 50000000) SECOND, '%Y-%m-%d %H:%M:%S') AS seen_at,
            round((hash(i) % 1000000) / 1000.0, 3) AS speed,
            (hash(i * 7) % 120)::INT AS age,
            chr(65 + (i % 5)::INT) || chr(65 + (i % 8)::INT) AS kind,
            CASE WHEN {changed} THEN 'changed ' ELSE 'name ' END || (hash(i * 3) % 1000000) AS name,
            '13' || lpad((hash(i * 5) % 1000000000)::VARCHAR, 9, '0') AS phone,
            round(120 + (hash(i * 11) % 10000000) / 1000000.0, 6) AS lon,
            ['a', 'b', 'c'][1 + (i % 3)::INT] AS status
        FROM range(1, {rows} + 1) AS r(i)) TO '{path}' (HEADER)"""
    )


@dataclass
class Place:
    """Files, and hubs to deliver them to."""

    folder: Path
    rows: int

    def file(self, name: str) -> Path:
        """A delivery."""
        return self.folder / f"{name}.csv"

    def prepare(self) -> None:
        """Write the files, an empty hub, and one with the first file in it; each in a process of its own."""
        told = {
            "first": {},
            "tenth": {"changed": "i % 10 = 0"},
            "all": {"changed": "true"},
            "faulty": {"faulty": "i % 1000 = 7"},
        }
        for name, how in told.items():
            measured(lambda name=name, how=how: write(self.file(name), self.rows, **how))  # type: ignore[misc]
        measured(self._empty)
        self.copy("empty", "loaded")
        measured(lambda: self.deliver("loaded", "first"))

    def _empty(self) -> None:
        from catalog.store import database
        from warehouse.storage import connection

        settings = self.settings("empty")
        settings.root.mkdir(parents=True)
        database.migrate(settings.catalog_database)
        connection.initialise(settings)

    def settings(self, home: str) -> Any:
        """Settings of one of the hubs."""
        from warehouse.settings import Settings

        return Settings(home=self.folder / home, _env_file=None)  # type: ignore[call-arg]

    def copy(self, home: str, to: str) -> None:
        """A hub as it is; its immutable files are linked."""
        shutil.rmtree(self.folder / to, ignore_errors=True)

        def link(source: str, target: str) -> None:
            if source.endswith(".parquet"):
                os.link(source, target)
            else:
                shutil.copy2(source, target)

        shutil.copytree(self.folder / home, self.folder / to, symlinks=True, copy_function=link)

    def deliver(self, home: str, name: str) -> None:
        """Deliver a file to a hub as `hub batch deliver` does, and see that it arrived."""
        from warehouse.foreign import door

        door.warm()
        from catalog.ledger import CatalogLedger
        from warehouse.ingest import deliver as ingest

        settings = self.settings(home)
        made = ingest.deliver(
            settings,
            CatalogLedger(settings.catalog_database),
            Given(),
            self.file(name),
            dataset="sightings",
            received_by="benchmark",
        )
        outcome, at_fault = made.outcome, self.rows // 1000 if name == "faulty" else 0
        told = (outcome.received, outcome.quarantined, outcome.table_rows, outcome.updated)
        changed = {"tenth": self.rows // 10, "all": self.rows}.get(name, 0)
        if told != (self.rows, at_fault, self.rows - at_fault, changed):
            raise AssertionError(f"{name}: {outcome}")
        print(f"    {name}: {dict(outcome.seconds)}", flush=True)

    def alone(self, name: str) -> None:
        """DuckDB reads the file and writes one lake table."""
        import duckdb

        from warehouse.storage import connection

        folder = self.folder / "alone"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        extensions = connection.extension_directory(self.settings("empty"))
        lake = duckdb.connect(config={"extension_directory": str(extensions)})
        lake.execute("LOAD sqlite_scanner; LOAD ducklake")
        lake.execute(f"ATTACH 'ducklake:sqlite:{folder}/lake.db' AS lake (DATA_PATH '{folder}/data')")
        lake.execute(f"CREATE TABLE lake.main.sightings AS SELECT * FROM read_csv('{self.file(name)}')")
        counted = lake.execute("SELECT count(*) FROM lake.main.sightings").fetchone()
        if counted != (self.rows,):
            raise AssertionError(counted)


def run(place: Place, name: str, pairs: int) -> Ratio:
    """One comparison."""
    before: Callable[[], object] = lambda: place.copy("loaded" if name in ("tenth", "all") else "empty", "work")  # noqa: E731
    return compare(
        f"onboard {name}",
        "DuckDB alone",
        lambda: place.alone(name),
        lambda: place.deliver("work", name),
        pairs=pairs,
        limit=LIMITS[name],
        before=before,
    )


def main() -> None:
    """Run all comparisons; status 1 where a limit of ratio or memory is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=sorted(LIMITS))
    parser.add_argument("--folder", type=Path, help="Where to work; default: a temporary folder.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        place = Place(Path(folder), options.rows)
        place.prepare()
        ratios = [run(place, name, options.pairs) for name in LIMITS if options.only in (None, name)]
    fat = [ratio for ratio in ratios if ratio.candidate_peak_mb > MEMORY_MB]
    report(ratios)
    if fat:
        raise SystemExit(f"over {MEMORY_MB} MB resident: {', '.join(ratio.name for ratio in fat)}")


if __name__ == "__main__":
    main()
