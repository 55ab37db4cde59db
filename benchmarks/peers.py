"""`peers`: rows by key, a page of 100 and a filtered page of 100, beside datasette and roapi over the same rows, by wrk.

Hui answers a key whose view has two masks and a row filter, and records each answer; datasette (SQLite) and roapi (Arrow in
memory) answer whoever asks, all rows, and record nothing. In one run, in turn, medians of the rounds; requests a second. Peers
are put into .venv-peers by `make bench-peers`; wrk comes from the system. `python -m benchmarks.peers [--rows 29179]`
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from benchmarks.sharing_hub import ROWS, free_port, served

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers" / "bin"
COLUMNS = "reading_id, station, division, level, measured, lon, day::VARCHAR AS day, seen_at::VARCHAR AS seen_at"
LINES = ("row by key", "page of 100", "filtered page of 100")
SCRIPT = """
local count = 0
request = function()
  count = count + 1
  local key = string.format("R-%09d", (count * 7919) % {rows})
  return wrk.format("GET", (wrk.path:gsub("KEY", key)), {headers})
end
"""


@dataclass(frozen=True, slots=True)
class Served:
    """Somebody who answers: an address for each line, with what has to be said along."""

    name: str
    addresses: tuple[str, str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


def main() -> None:
    """Every line of every server in turn, round by round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=29_179)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of the hub; roapi has a thread for each core")
    options = parser.parse_args()
    if shutil.which("wrk") is None or not (PEERS / "datasette").exists():
        sys.exit("wrk (apt-get install wrk) and .venv-peers (make bench-peers) are needed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hui-peers-")))
        servers = [
            stack.enter_context(one)
            for one in (hui(options.rows, options.workers), datasette(folder, options.rows), roapi(folder))
        ]
        for connections in options.connections:
            print(f"{options.rows:,} rows, {connections} connections, medians of {options.rounds}", flush=True)
            rates: dict[tuple[str, str], list[float]] = {}
            for _ in range(options.rounds):
                for place, line in enumerate(LINES):
                    for server in servers:
                        rate = asked(folder, server, place, options.rows, connections, options.seconds)
                        rates.setdefault((line, server.name), []).append(rate)
            report(rates, [server.name for server in servers])


def report(rates: Mapping[tuple[str, str], list[float]], names: list[str]) -> None:
    """Requests a second, and how many times each peer's."""
    for line in LINES:
        medians = {name: statistics.median(rates[line, name]) for name in names}
        ratios = ", ".join(f"{medians['hui'] / medians[name]:.2f}× {name}" for name in names if name != "hui" and medians[name])
        print(
            f"  {line}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in medians.items()) + f"  ({ratios})", flush=True
        )


def asked(folder: Path, server: Served, place: int, rows: int, connections: int, seconds: int) -> float:
    """Requests a second; an answer that is none fails the run."""
    headers = "{" + ", ".join(f'["{name}"]={json.dumps(value)}' for name, value in server.headers.items()) + "}"
    script = folder / f"{server.name}.lua"
    script.write_text(SCRIPT.format(rows=rows, headers=headers))
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-s",
        str(script),
        server.addresses[place],
    ]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(f"{server.name}: {told}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told).group(1))  # type: ignore[union-attr]


@contextmanager
def hui(rows: int, workers: int) -> Iterator[Served]:
    """The hub, once its serving store is there."""
    with served(rows, workers) as hub:
        page = f"{hub.address}/api/v1/resources/reading/rows"
        headers = {"Authorization": f"Bearer {hub.masked}", "Accept": "application/json"}
        until = time.monotonic() + 60 + rows / 2_000
        while not list((hub.settings.root / "cache" / "served").glob("*.db")):
            urllib.request.urlopen(urllib.request.Request(f"{page}?limit=1", headers=headers)).close()
            if time.monotonic() > until:
                raise RuntimeError("the serving store was not made")
            time.sleep(0.5)
        yield Served("hui", (f"{page}/KEY", f"{page}?limit=100", f"{page}?limit=100&filter=level%3D2"), headers)


@contextmanager
def datasette(folder: Path, rows: int) -> Iterator[Served]:
    """datasette over a SQLite file with the key, and an index on what is filtered by."""
    path = folder / "bench.db"
    with closing(sqlite3.connect(path)) as file, closing(duckdb.connect()) as source, file:
        file.execute(
            "CREATE TABLE reading (reading_id TEXT PRIMARY KEY, station, division, level, measured, lon, day, seen_at)"
        )
        query = source.execute(f"SELECT {COLUMNS} FROM ({ROWS.format(rows=rows)})")
        while batch := query.fetchmany(20_000):
            file.executemany("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?)", batch)
        file.execute("CREATE INDEX level ON reading (level)")
        source.execute(
            f"COPY (SELECT {COLUMNS} FROM ({ROWS.format(rows=rows)})) TO '{folder}/reading.parquet' (FORMAT parquet)"
        )
    port = free_port()
    address = f"http://127.0.0.1:{port}/bench/reading"
    with running([PEERS / "datasette", "serve", "-i", path, "--port", str(port)], f"{address}/R-000000001.json"):
        page = f"{address}.json?_shape=objects&_size=100"
        yield Served("datasette", (f"{address}/KEY.json?_shape=objects", page, f"{page}&level=2"))


@contextmanager
def roapi(folder: Path) -> Iterator[Served]:
    """roapi over the same rows as Parquet, which it holds in memory."""
    port, other, third = free_port(), free_port(), free_port()
    address = f"http://127.0.0.1:{port}/api/tables/reading"
    addresses = ["-a", f"127.0.0.1:{port}", "-p", f"127.0.0.1:{other}", "--addr-flight-sql", f"127.0.0.1:{third}"]
    with running([PEERS / "roapi", "-t", f"reading={folder}/reading.parquet", *addresses], f"{address}?limit=1"):
        yield Served(
            "roapi", (f"{address}?filter[reading_id]='KEY'", f"{address}?limit=100", f"{address}?filter[level]=2&limit=100")
        )


@contextmanager
def running(command: list[str | Path], address: str) -> Iterator[None]:
    """A server that answers at an address, until the block ends."""
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([str(one) for one in command], stdout=quiet, stderr=quiet, env=dict(os.environ))
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                if time.monotonic() > until or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
