"""`beside`: 50 users read while two million rows are loaded. No answer is a 500; every row and every record is there after.

Baseline: the same load while nobody reads. What must hold after it: the batch, its raw rows, its resource and its pieces have
one count, the audit chain is whole, and each answer with rows is on record. `python -m benchmarks.beside [--postgres SERVER]`
"""

from __future__ import annotations

import argparse
import collections
import csv
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlparse

import psycopg
from sqlmodel import func, select

from benchmarks.pairs import compare, report
from benchmarks.sharing_hub import Served, crowd, served
from catalog.audit.chain import AuditRecord
from catalog.store import database
from warehouse.storage import connection

ROWS = 2_000_000
USERS = 50
READABLE = 100_000
ALWAYS = ("/", "/resources/reading", "/api/v1/resources", "/delta-sharing/shares", "/health", "/?q=" + quote("读数"))


def main() -> None:
    """One ratio, and what must hold beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--postgres", default="", help="URL of a server, without a database, for catalogue and lake")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hui-beside-") as folder, stores(options.postgres), served(READABLE) as hub:
        files = {name: Path(folder) / f"{name}.csv" for name in ("quiet", "busy")}
        for number, path in enumerate(files.values()):
            write(path, options.rows, number)

        def deliver(name: str, users: int) -> None:
            with reading(hub, users, Path(folder) / "answers"):
                run(hub, "onboard", str(files[name]), "--owner", "owner", "--key", "reading_id", "--json")

        ratio = compare(
            f"{options.rows:,} rows beside {USERS} users",
            "the same load while nobody reads",
            lambda: deliver("quiet", 0),
            lambda: deliver("busy", USERS),
            pairs=1,
        )
        answers = collections.Counter(json.loads((Path(folder) / "answers").read_text()))
        read = answers.pop("rows", 0)
        faults = [f"{count} × {told}" for told, count in answers.items() if told.startswith("5") and told != "503"]
        faults += [f"{count} × {told}" for told, count in answers.items() if not told.isdigit()]
        faults += differing(hub, options.rows, read)
    print("answers: " + ", ".join(f"{count} × {status}" for status, count in sorted(answers.items())))
    report([ratio])
    print("faults: " + ("; ".join(faults) or "none"))
    if faults:
        sys.exit(1)


@contextmanager
def stores(server: str) -> Iterator[None]:
    """Databases of their own for catalogue and lake, where a server is given."""
    if not server:
        yield
        return
    made = {setting: f"hui_beside_{uuid.uuid4().hex[:8]}" for setting in ("HUB_CATALOG_URL", "HUB_LAKE_CATALOG")}
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        for name in made.values():
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        os.environ.update({setting: f"{server}/{name}" for setting, name in made.items()})
        try:
            yield
        finally:
            for name in made.values():
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def write(path: Path, rows: int, seed: int) -> None:
    """A file with a key, texts, a code, an amount and a day."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["reading_id", "station", "level", "amount", "day"])
        for number in range(rows):
            day = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
            out.writerow([f"R-{number:09}", f"站{number % 5000}", number % 4 + 1, round(chance.random() * 1000, 2), day])


@contextmanager
def reading(hub: Served, users: int, told: Path) -> Iterator[None]:
    """So many users, until the block ends; a file is told how often each status was answered, and how often with rows."""
    answers = collections.Counter[str]()

    def user(seed: int) -> Callable[[], object]:
        chance, key = random.Random(seed), (hub.masked, hub.plain, "")[seed % 3]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        asked = http.client.HTTPConnection(urlparse(hub.address).netloc, timeout=120)

        def one() -> None:
            start = chance.randrange(READABLE)
            rows = f"/api/v1/resources/reading/rows?limit=100&filter=reading_id%20%3E%3D%20'R-{start:09}'"
            path = rows if chance.random() < 0.5 else chance.choice(ALWAYS)
            try:
                asked.request("GET", path, headers=headers)
                answer = asked.getresponse()
                answer.read()
            except OSError as error:
                answers[f"{type(error).__name__} {path[:40]}"] += 1
                asked.close()
                return
            answers[str(answer.status)] += 1
            answers["rows"] += path is rows and answer.status == 200
            time.sleep(float(answer.getheader("Retry-After") or 0))

        return one

    with crowd([user(seed) for seed in range(users)]):
        yield
    told.write_text(json.dumps(answers))


def run(hub: Served, *command: str) -> Any:
    """A command of the hub, as an operator runs it; its answer."""
    program = Path(sys.executable).with_name("hub")
    told = subprocess.run(
        [str(program), *command],
        env=dict(os.environ, HUB_HOME=str(hub.settings.root)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise RuntimeError(f"hub {' '.join(command)}: {told.returncode}\n{told.stdout[-2000:]}\n{told.stderr[-2000:]}")
    return json.loads(told.stdout)


def differing(hub: Served, rows: int, read: int) -> list[str]:
    """What does not agree after it all."""
    faults = []
    with connection.reader(hub.settings) as lake:
        for table in ("raw.quiet", "resource.quiet", "raw.busy", "resource.busy"):
            told = lake.execute(f"SELECT count(*), count(DISTINCT reading_id) FROM lake.{table}").fetchone()
            if told != (rows, rows):
                faults.append(f"{table}: {told}")
    chain = run(hub, "audit", "verify", "--json")
    if not chain["good"]:
        faults.append(f"audit: {chain}")
    with database.session(hub.settings.catalog_database) as session:
        kept = session.exec(
            select(func.count()).where(AuditRecord.action == "read-rows", AuditRecord.outcome == "allowed")
        ).one()
    if read > kept:
        faults.append(f"{read} answers with rows, {kept} records of them")
    return faults


if __name__ == "__main__":
    main()
