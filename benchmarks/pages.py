"""`pages`: every portal page and API listing of a large catalogue, beside the same ones of a small catalogue.

Asked in this process; CPU is that of the process, and of PostgreSQL's backends where the catalogue is there. Limits: 100 ms of
CPU a page; search p95 100 ms with eight readers at once, suggestions 50 ms.
`python -m benchmarks.pages [--postgresql SERVER] [--only /batches]`
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event
from starlette.testclient import TestClient

from api import background
from api.app import create_app
from benchmarks import large_catalogue
from benchmarks.large_catalogue import LARGE, SMALL, Large, Size
from catalog.store import database
from warehouse.settings import Settings
from warehouse.storage import connection

LIMIT = 0.100
SEARCH_LIMIT = 0.100
READERS = 8
WORDS = ("水库", "企业 登记", "河道名录", "set_4711", "行政区划", "气象", "检查记录", "330101")
PORTAL: tuple[tuple[str, str], ...] = (
    ("", "/"),
    ("steward", "/"),
    ("partner", "/"),
    ("steward", "/?q=水库"),
    ("steward", "/?q=水库&sharing=1&page=20"),
    ("steward", "/?sort=title&page=4000"),
    ("steward", "/batches"),
    ("steward", "/batches?state=partial"),
    ("steward", "/batches?page=5000"),
    ("steward", "/batches?dataset={resource}"),
    ("steward", "/batches?agreement={agreement}"),
    ("provider", "/batches"),
    ("analyst", "/batches"),
    ("auditor", "/batches"),
    ("steward", "/batches/{batch}"),
    ("steward", "/batches/{batch}/receipt"),
    ("steward", "/acquire"),
    ("steward", "/acquire?q=水库"),
    ("steward", "/acquire?open=other&page=20"),
    ("provider", "/acquire"),
    ("analyst", "/acquire"),
    ("steward", "/agreements/{agreement}"),
    ("steward", "/agreements/new"),
    ("steward", "/collect"),
    ("provider", "/collect"),
    ("steward", "/collect/{collection}"),
    ("steward", "/inbox"),
    ("steward", "/inbox?whose=followed"),
    ("provider", "/inbox"),
    ("administrator", "/inbox"),
    ("partner", "/resources/{resource}"),
    ("steward", "/resources/{resource}"),
    ("steward", "/resources/{resource}/items"),
    ("steward", "/resources/{resource}/quality"),
    ("steward", "/resources/{resource}/versions"),
    ("steward", "/resources/{resource}/lineage"),
    ("steward", "/resources/{resource}/contract"),
    ("steward", "/resources/{resource}/entry"),
    ("steward", "/resources/{resource}/grants"),
    ("steward", "/resources/{resource}/contract/explain"),
    ("steward", "/onboard"),
    ("steward", "/attempts"),
    ("steward", "/attempts?outcome=failed"),
    ("steward", "/calendar"),
    ("steward", "/jobs"),
    ("administrator", "/jobs"),
    ("administrator", "/administration/people"),
    ("administrator", "/administration/people/{login}"),
    ("administrator", "/administration/organizations"),
    ("administrator", "/administration/organizations/{organization}"),
    ("administrator", "/administration/health"),
    ("administrator", "/packs"),
    ("auditor", "/audit"),
    ("auditor", "/audit?outcome=refused"),
    ("analyst", "/query"),
    ("steward", "/account"),
    ("steward", "/help"),
)
API: tuple[tuple[str, str], ...] = (
    ("partner", "/api/v1/resources"),
    ("partner", "/api/v1/resources?q=水库"),
    ("partner", "/api/v1/resources?sharing=1&page=20"),
    ("partner", "/api/v1/resources/{resource}"),
    ("partner", "/api/v1/resources/{resource}/items"),
    ("partner", "/api/v1/resources/{resource}/quality"),
    ("partner", "/api/v1/resources/{resource}/lineage"),
    ("partner", "/api/v1/resources/{resource}/contract"),
    ("partner", "/api/v1/resources/{resource}/versions"),
    ("steward", "/api/v1/agreements"),
    ("provider", "/api/v1/agreements"),
    ("analyst", "/api/v1/agreements?state=active"),
    ("steward", "/api/v1/agreements/{agreement}"),
    ("steward", "/api/v1/attempts"),
    ("steward", "/api/v1/jobs"),
    ("administrator", "/api/v1/jobs"),
    ("administrator", "/api/v1/people"),
    ("administrator", "/api/v1/organizations"),
    ("administrator", "/api/v1/account"),
    ("steward", "/api/v1/packs"),
    ("steward", "/api/v1/calendar"),
    ("partner", "/delta-sharing/shares"),
    ("partner", "/delta-sharing/shares/{organization}/schemas"),
    ("partner", "/delta-sharing/shares/{organization}/all-tables"),
)


@dataclass(frozen=True, slots=True)
class Took:
    """One request: seconds of CPU and of the clock, statements, bytes and status."""

    cpu: float
    wall: float
    statements: int
    size: int
    status: int


class Opened:
    """One catalogue, filled, with its application and a client of each reader."""

    def __init__(self, folder: Path, url: str, size: Size) -> None:
        begun = time.perf_counter()
        more = {"catalog_url": url} if url else {}
        self.settings = Settings(home=folder / "var", _env_file=None, **more)  # type: ignore[call-arg]
        connection.initialise(self.settings)
        kept = folder / "large.pickle"
        if not kept.is_file():
            kept.write_bytes(pickle.dumps(large_catalogue.fill(self.settings.catalog_database, size)))
        self.large: Large = pickle.loads(kept.read_bytes())
        self.engine = database.engine(self.settings.catalog_database)
        background.keep_standings(self.settings)  # as `hub serve` does beside its requests
        app = create_app(self.settings)
        self.clients = {login: self._client(app, login) for login in ("", *self.large.readers)}
        self.asked = 0
        event.listen(self.engine, "before_cursor_execute", self._note)
        print(f"filled {size.resources:,} resources in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)

    def _note(self, *_: Any) -> None:
        self.asked += 1

    def _client(self, app: Any, login: str) -> TestClient:
        client = TestClient(app, follow_redirects=False)
        if login:
            client.cookies.set("hui_session", self.large.readers[login].token)
        return client

    def path(self, pattern: str) -> str:
        """A page's address in this catalogue."""
        return pattern.format(**{name: getattr(self.large, name) for name in PARTS})

    def ask(self, login: str, pattern: str) -> Took:
        """One request."""
        headers = {"accept": "text/html"}
        if pattern.startswith(("/api", "/delta")):
            headers = {"authorization": f"Bearer {self.large.readers[login].key}"}
        self.asked = 0
        cpu, wall = self._cpu(), time.perf_counter()
        answer = self.clients[login].get(self.path(pattern), headers=headers)
        wall = time.perf_counter() - wall
        return Took(self._cpu() - cpu, wall, self.asked, len(answer.content), answer.status_code)

    def _cpu(self) -> float:
        """Seconds of this process, and of this catalogue's backends."""
        return time.process_time() + sum(_ticks(pid) for pid in self._backends())

    def _backends(self) -> list[int]:
        if self.engine.dialect.name == "sqlite":
            return []
        watch = psycopg.connect(self.settings.catalog_database.replace("+psycopg", ""), autocommit=True)
        with watch:
            others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            rows = watch.execute(others)
            return [pid for (pid,) in rows.fetchall()]


PARTS = ("resource", "agreement", "collection", "batch", "job", "organization", "login")


def _ticks(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def catalogue(size: Size, server: str, kept: str) -> Iterator[Opened]:
    """A catalogue of that size, in a file or in a database of that server; gone afterwards, but a file in a folder that is
    named: the next run finds it there."""
    if kept:
        folder = Path(kept) / f"{size.resources}"
        folder.mkdir(parents=True, exist_ok=True)
        yield Opened(folder, "", size)
        return
    folder = Path(tempfile.mkdtemp(prefix="hui-bench-"))
    name = f"hui_bench_{uuid.uuid4().hex[:10]}"
    if server:
        _run(server, f'CREATE DATABASE "{name}"')
    opened = None
    try:
        opened = Opened(folder, f"{server}/{name}" if server else "", size)
        yield opened
    finally:
        if opened is not None:
            opened.engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)
        if server:
            _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _run(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as run:
        run.execute(statement)


def median(opened: Opened, login: str, pattern: str, rounds: int) -> Took:
    """The median of some requests, after one that fills what is kept."""
    opened.ask(login, pattern)
    took = [opened.ask(login, pattern) for _ in range(rounds)]
    cpu, wall = statistics.fmean(one.cpu for one in took), statistics.median(one.wall for one in took)
    return Took(cpu, wall, took[-1].statements, took[-1].size, took[-1].status)


def pages(small: Opened, large: Opened, only: str, rounds: int) -> list[str]:
    """Every page and listing; gives those that miss."""
    missed = []
    print(f"{'reader':13} {'page':52} {'CPU':>8} {'wall':>8} {'statements':>10} {'small CPU':>9} {'ratio':>6}")
    for login, pattern in (*PORTAL, *API):
        if only and not pattern.startswith(only):
            continue
        little, much = median(small, login, pattern, rounds), median(large, login, pattern, rounds)
        late = much.cpu > LIMIT or much.status not in (200, 303)
        mark = f" MISSES ({much.status})" if late else "" if much.status == 200 else f" ({much.status})"
        print(
            f"{login or '-':13} {pattern:52} {much.cpu * 1000:6.0f} ms {much.wall * 1000:5.0f} ms "
            f"{much.statements:4}/{little.statements:<5} {little.cpu * 1000:6.0f} ms "
            f"{much.cpu / max(little.cpu, 1e-4):6.1f}{mark}",
            flush=True,
        )
        missed += [f"{login} {pattern}"] if late else []
    return missed


def searching(opened: Opened, asked: Sequence[str], seconds: float = 10.0) -> tuple[float, float, int]:
    """Eight readers search at once: median and 95th percentile of the seconds of a search, and how many there were."""
    until = time.perf_counter() + seconds
    headers = {"authorization": f"Bearer {opened.large.readers['partner'].key}"}

    def read(at: int) -> list[float]:
        took = []
        while time.perf_counter() < until:
            begun = time.perf_counter()
            words = asked[(at + len(took)) % len(asked)]
            answer = opened.clients["partner"].get("/api/v1/resources", params={"q": words}, headers=headers)
            assert answer.status_code == 200, answer.text
            took.append(time.perf_counter() - begun)
        return took

    with ThreadPoolExecutor(READERS) as pool:
        took = sorted(one for some in pool.map(read, range(READERS)) for one in some)
    return statistics.median(took), took[int(len(took) * 0.95)], len(took)


def main() -> None:
    """Status 1 where a page misses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgresql", default="", help="server without a database: postgresql://postgres@127.0.0.1:5432")
    parser.add_argument("--only", default="", help="pages that begin so")
    parser.add_argument("--kept", default="", help="folder in which catalogues of SQLite stay for the next run")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    where = options.postgresql, options.kept
    with catalogue(SMALL, *where) as small, catalogue(LARGE, *where) as large:
        missed = pages(small, large, options.only, options.rounds)
        if not options.only:
            for opened, name in ((small, "small"), (large, "large")):
                middle, late, count = searching(opened, WORDS)
                took = f"median {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms, {count} searches"
                print(f"search, {READERS} readers, {name}: {took}")
            missed += ["search"] if late > SEARCH_LIMIT else []
    print(f"missed {len(missed)}: {'; '.join(missed)}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
