"""A served hub with one large dataset, for the benchmarks of reading: built once, served by a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.access import grants
from catalog.audit import sealing
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.releases import releases
from catalog.store import database
from contracts.odcs import loader
from warehouse.serving import ordered
from warehouse.settings import Settings
from warehouse.storage import connection

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:reading
name: 监测读数
version: 1.0.0
status: active
tenant: owner
description: {purpose: 基准}
schema:
- name: reading
  physicalName: reading
  logicalType: object
  properties:
  - {name: reading_id, businessName: 编号, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true}
  - {name: station, businessName: 站点, logicalType: string}
  - {name: division, businessName: 区划, logicalType: string}
  - {name: level, businessName: 等级, logicalType: integer}
  - {name: measured, businessName: 读数, logicalType: number}
  - {name: lon, businessName: 经度, logicalType: number}
  - {name: day, businessName: 日期, logicalType: date}
  - {name: seen_at, businessName: 时刻, logicalType: timestamp}
customProperties:
- {property: delivery, value: changes}
- {property: library, value: resource}
- {property: route, value: request}
- {property: sharingType, value: 2}
- {property: sharingCondition, value: 经同意}
"""
ROWS = """
SELECT 'R-' || lpad(i::VARCHAR, 9, '0') AS reading_id, '站' || (i % 5000) AS station, (230100 + i % 120)::VARCHAR AS division,
       i % 4 + 1 AS level, random() * 100 AS measured, 121 + random() * 14 AS lon,
       DATE '2020-01-01' + (i % 2000)::INTEGER AS day,
       TIMESTAMPTZ '2020-01-01 00:00:00+08' + to_seconds(i) AS seen_at, 'b' AS _batch, i AS _row
FROM range({rows}) t(i)
"""
PURPOSE = "benchmark"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the hub is, and keys: one that sees all, one that sees masked items and nine rows of ten."""

    settings: Settings
    address: str
    plain: str
    masked: str


@contextmanager
def served(rows: int, workers: int = 1) -> Iterator[Served]:
    """Build and serve; everything goes away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hui-bench-"))
    settings = Settings(home=folder / "var", _env_file=None)  # type: ignore[call-arg]
    port = free_port()
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from benchmarks.sharing_hub import fill
fill({str(folder / "var")!r}, {rows})
"""
    keys = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    hub = Path(sys.executable).with_name("hub")
    server = subprocess.Popen(
        [str(hub), "serve", "--port", str(port), "--workers", str(workers)],
        env=dict(os.environ, HUB_HOME=str(folder / "var")),
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/ready")
        yield Served(settings, f"http://127.0.0.1:{port}", keys[-2], keys[-1])
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def crowd(works: Sequence[Callable[[], object]]) -> Iterator[None]:
    """Each work again and again, beside each other, until the block ends."""
    over = threading.Event()

    def on(work: Callable[[], object]) -> None:
        while not over.is_set():
            work()

    threads = [threading.Thread(target=on, args=(work,)) for work in works]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in threads:
            one.join(120)


def fill(home: str, rows: int) -> None:
    """Fill an installation, in a process of its own: the benchmarks fork, and DuckDB's threads do not survive that."""
    settings = Settings(home=Path(home), _env_file=None)  # type: ignore[call-arg]
    connection.initialise(settings)
    database.migrate(settings.catalog_database)
    with connection.writer(settings) as lake:
        lake.execute(f"CREATE TABLE lake.resource.reading AS {ROWS.format(rows=rows)}")
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    ordered.prepare(settings, "resource", "reading", snapshot, ["reading_id"])
    sealing.make_key(settings.audit_key)
    contract = loader.parse(CONTRACT)
    with database.session(settings.catalog_database) as session:
        for name in ("owner", "plain", "masked"):
            organizations.add(session, Organization(id=name, name=name, kind="department"))
        registry.register(session, contract, by="bench", origin="pack")
        resource = resources.get(session, "reading")
        resource.state = "published"
        session.add(resource)
        releases.record(session, resource, snapshot=snapshot, columns=[], rows=rows, by="bench")
        grants.grant(session, resource, contract, "plain", by="bench", purpose=PURPOSE)
        masks = {"station": {"kind": "hash"}, "lon": {"kind": "truncate", "keep": 2}}
        rest = "division <> '230100'"
        grants.grant(session, resource, contract, "masked", by="bench", purpose=PURPOSE, masks=masks, row_filter=rest)
        for name in ("plain", "masked"):
            person = people.add_person(session, name, name, name, ["partner"])
            print(people.issue_key(session, person)[1])


def _wait(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the hub did not become ready within a minute")
