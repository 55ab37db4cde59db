"""`whole`: a city's hub (Ningbo's: 1,165 datasets, 288 M rows), its first load and a day's refresh of 2 %, in one run each.

Baseline: DuckDB reads the same files, typed, and writes each as Parquet. Candidate: every dataset has one file in its watched
folder; one run collects, checks (twelve checks of ten columns), loads and records all of them. Sizes follow a power law.
`--share 0.01`: a hundredth of the rows in as many datasets; `--kill` ends the first load in its middle by SIGKILL and goes on.
`python -m benchmarks.whole [--share 0.01] [--datasets 1165] [--kill]`
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.datasets import FOOT, HEAD, prepare, settings_of
from benchmarks.pairs import Run, measured

ROWS, DATASETS = 288_000_000, 1_165
FEWEST = 50
FIRST_LIMIT, FIRST_SECONDS, REFRESH_SECONDS, MOST_MB = 5.0, 720.0, 120.0, 2_048
CONTRACT = (
    HEAD
    + """\
  - {{name: code, logicalType: string, businessName: 编号, primaryKey: true, primaryKeyPosition: 1, required: true}}
  - {{name: title, logicalType: string, businessName: 名称, required: true, logicalTypeOptions: {{maxLength: 40}}}}
  - {{name: division, logicalType: string, businessName: 区划, required: true, logicalTypeOptions: {{maxLength: 6}}}}
  - {{name: level, logicalType: integer, businessName: 等级, logicalTypeOptions: {{minimum: 1, maximum: 9}}}}
  - {{name: amount, logicalType: number, businessName: 数量, logicalTypeOptions: {{minimum: 0}}}}
  - {{name: lon, logicalType: number, businessName: 经度, logicalTypeOptions: {{minimum: 73, maximum: 136}}}}
  - {{name: lat, logicalType: number, businessName: 纬度, logicalTypeOptions: {{minimum: 3, maximum: 54}}}}
  - {{name: day, logicalType: date, businessName: 日期}}
  - {{name: seen_at, logicalType: timestamp, businessName: 时刻}}
  - {{name: status, logicalType: string, businessName: 状态, logicalTypeOptions: {{maxLength: 10}}}}
"""
    + FOOT
)
FILE = """
COPY (SELECT printf('K%09d', i) AS "编号", '第 ' || i || ' 号' AS "名称", (330200 + i % 12)::VARCHAR AS "区划",
             i % 9 + 1 AS "等级", (i * 7919 + {turn}) % 100000 / 10.0 AS "数量",
             120.8 + i % 1000 / 1000.0 AS "经度", 29.1 + i % 900 / 1000.0 AS "纬度",
             strftime(DATE '2026-01-01' + (i % 300)::INTEGER, '%Y-%m-%d') AS "日期",
             strftime(TIMESTAMP '2026-01-01' + to_seconds(i), '%Y-%m-%d %H:%M:%S') AS "时刻",
             CASE i % 3 WHEN 0 THEN '在用' WHEN 1 THEN '停用' ELSE '检修' END AS "状态"
      FROM range({rows}) t(i) WHERE {chosen}) TO '{path}' (HEADER)
"""
TYPES = (
    "{'编号': 'VARCHAR', '名称': 'VARCHAR', '区划': 'VARCHAR', '等级': 'BIGINT', '数量': 'DOUBLE', '经度': 'DOUBLE', "
    "'纬度': 'DOUBLE', '日期': 'DATE', '时刻': 'TIMESTAMP', '状态': 'VARCHAR'}"
)


def sizes(count: int, rows: int) -> list[int]:
    """Rows of each dataset: the k-th largest has a k-th of the largest's."""
    whole = sum(1 / (place + 1) for place in range(count))
    return [max(FEWEST, round(rows / whole / (place + 1))) for place in range(count)]


def drop(home: Path, rows: Sequence[int], turn: int, chosen: str = "true") -> None:
    """One new file for every dataset."""
    import duckdb

    with duckdb.connect() as maker:
        for number, size in enumerate(rows):
            folder = settings_of(home).root / "inbox" / f"set_{number:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{turn:04d}.csv"
            maker.execute(FILE.format(turn=turn, rows=size, chosen=chosen, path=path))


def plain(home: Path, turn: int) -> None:
    """The baseline: DuckDB reads each file and writes it as Parquet."""
    import duckdb

    folder = home / "plain"
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as reader:
        for path in sorted((settings_of(home).root / "inbox").glob(f"*/{turn:04d}.csv")):
            source = f"read_csv('{path}', columns = {TYPES}, header = true)"
            reader.execute(f"COPY (FROM {source}) TO '{folder / path.parent.name}.parquet' (FORMAT parquet)")
    shutil.rmtree(folder)


def load(home: Path) -> None:
    """The candidate: one run over everything that waits."""
    from orchestration.execute import execute

    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    (told,) = execute(settings_of(home), ["refresh"])
    assert told.success, told.problems


def loaded(home: Path, count: int) -> list[int]:
    """Rows of each dataset in the lake."""
    from warehouse.storage import connection

    with connection.reader(settings_of(home)) as lake:
        names = (connection.table("resource", f"set_{number:04d}") for number in range(count))
        return [connection.count(lake, f"SELECT count(*) FROM {name}") for name in names]


def killed_half_way(home: Path, count: int) -> float:
    """A first load that dies once half of the datasets are there; seconds until then."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setpgrp()
        load(home)
        os._exit(0)
    pieces = settings_of(home).lake / "data" / "resource"
    while sum(1 for _ in pieces.glob("*")) < count // 2:
        if os.waitpid(child, os.WNOHANG)[0]:
            raise RuntimeError("it ended before it could be killed")
        time.sleep(0.2)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.monotonic() - begun


def line(name: str, baseline: Run, candidate: Run, rows: int, limits: Sequence[tuple[str, bool]]) -> bool:
    """Print one line; whether each of its limits is met."""
    verdicts = "; ".join(f"{'meets' if met else 'MISSES'} {limit}" for limit, met in limits)
    print(
        f"{name}: {rows:,} rows, {candidate.wall / baseline.wall:.1f}× wall, {candidate.cpu / baseline.cpu:.1f}× CPU of DuckDB "
        f"({candidate.wall:.0f} s against {baseline.wall:.0f} s; {candidate.wall / rows * 1e6:.2f} s a million rows; "
        f"peak {candidate.peak_mb:,.0f} MB)  {verdicts}",
        flush=True,
    )
    return all(met for _, met in limits)


def checked(home: Path, work: Callable[[], None], expected: Sequence[int]) -> Run:
    """A run, after which each dataset has its rows."""
    run = measured(work)
    found: list[int] = []
    measured(lambda: (home / "found").write_text(repr(loaded(home, len(expected)))))  # DuckDB's threads stay in the child
    found = eval((home / "found").read_text())
    assert found == list(expected), "rows are missing, or there twice"
    return run


def main() -> None:
    """First load and refresh, with what is judged of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--datasets", type=int, default=DATASETS)
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    rows = sizes(options.datasets, round(ROWS * options.share))
    home = Path(tempfile.mkdtemp(prefix="hui-whole-"))
    whole = options.share >= 1
    try:
        measured(lambda: prepare(home, options.datasets, CONTRACT))
        measured(lambda: drop(home, rows, 0))
        size = sum(path.stat().st_size for path in (settings_of(home).root / "inbox").rglob("*.csv"))
        print(f"{options.datasets:,} datasets, {sum(rows):,} rows, {size / 2**20:,.0f} MB of CSV", flush=True)
        baseline = measured(lambda: plain(home, 0))
        if options.kill:
            print(f"killed after {killed_half_way(home, options.datasets):.0f} s, with half of the datasets there; it goes on")
        first = checked(home, lambda: load(home), rows)
        limits = [(f"≤ {MOST_MB:,} MB", first.peak_mb <= MOST_MB)]
        if not options.kill:
            limits.append((f"≤ {FIRST_LIMIT:g}×", first.wall <= FIRST_LIMIT * baseline.wall))
        if whole:
            limits.append((f"≤ {FIRST_SECONDS:g} s", first.wall <= FIRST_SECONDS))
        met = line("first load", baseline, first, sum(rows), limits)
        measured(lambda: drop(home, rows, 1, "i % 50 = 1"))
        baseline = measured(lambda: plain(home, 1))
        refresh = checked(home, lambda: load(home), rows)
        limits = [(f"≤ {MOST_MB:,} MB", refresh.peak_mb <= MOST_MB)]
        if whole:
            limits.append((f"≤ {REFRESH_SECONDS:g} s", refresh.wall <= REFRESH_SECONDS))
        met &= line("refresh of 2 %", baseline, refresh, sum(rows) // 50, limits)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if not met:
        sys.exit(1)


if __name__ == "__main__":
    main()
