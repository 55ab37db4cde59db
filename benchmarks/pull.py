"""`pull`: a whole version through Delta Sharing, masked and filtered by rows, against DuckDB's own COPY of the same view;
and warm files against nginx.

Cold: nothing of the view is cut; query, each file fetched and read by pyarrow as its line comes; against one COPY of the
same SQL to one file, in the same form, by a DuckDB of its own. CPU is that of all processes: client, server, workers. First
bytes: of the query's answer, and of a file whose cut has just begun. Warm: the bytes of all files, one connection each,
nothing is read of them, against nginx (`sendfile`; apt-get install nginx) over the same files. In turn, medians.
`python -m benchmarks.pull [--rows 10000000]`
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import psutil
import pyarrow.parquet as pq

from benchmarks.sharing_hub import Served, free_port, served

TABLE = "/delta-sharing/shares/owner/schemas/resource/tables/reading/query"
FILE = "/api/v1/resources/reading/versions/1/files/0"
COLD, WARM = 1.5, 0.8
"""At most so many times DuckDB's own COPY; at least so much of nginx."""
COPY = """
import sys
from pathlib import Path
from benchmarks.pull import own_copy
own_copy(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the wall and of CPU, of all processes together."""

    wall: float
    cpu: float


def main() -> None:
    """Cold against COPY, first bytes, warm against nginx."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with served(options.rows) as hub:
        missed = cold(hub, options.rows, options.pairs)
        first_bytes(hub, options.pairs)
        missed |= warm(hub, options.pairs)
    if missed:
        sys.exit(1)


def cold(hub: Served, rows: int, pairs: int) -> bool:
    """A whole pull beside a COPY, in turn; whether it misses its limit."""
    own, pulled, size = [], [], 0
    target = hub.settings.root / "own.parquet"
    for _ in range(pairs):
        command = [sys.executable, "-c", COPY, str(hub.settings.root), str(target)]
        own.append(Took(*json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)))
        clear(hub)
        pulled.append(timed(lambda: pull(hub), family()))
        size = sum(path.stat().st_size for path in files(hub))
    wall, cpu = (
        statistics.median(getattr(p, of) / getattr(o, of) for o, p in zip(own, pulled, strict=True)) for of in ("wall", "cpu")
    )
    seconds = [statistics.median(one.wall for one in each) for each in (pulled, own)]
    print(
        f"cold pull of {rows:,} rows, masked and filtered, {len(files(hub))} files, {size / 2**20:.0f} MB: {wall:.2f}× wall, "
        f"{cpu:.2f}× CPU of DuckDB's own COPY (median of {pairs} pairs; {seconds[0]:.2f} s against {seconds[1]:.2f} s)  "
        f"{'meets' if wall <= COLD else 'MISSES'} ≤ {COLD:g}",
        flush=True,
    )
    return wall > COLD


def first_bytes(hub: Served, pairs: int) -> None:
    """How long it is to the first byte, where nothing is cut."""
    for name, ask in (("of a query's answer", asked), ("of a file", fetched)):
        took = []
        for _ in range(pairs):
            clear(hub)
            start = time.perf_counter()
            connection, answer = ask(hub)
            answer.read(1)
            took.append(time.perf_counter() - start)
            answer.read()
            connection.close()
        print(f"first byte {name}, cold: {statistics.median(took):.2f} s (median of {pairs})", flush=True)


def warm(hub: Served, pairs: int) -> bool:
    """Bytes a second of what is there, beside nginx; whether it misses its limit."""
    if shutil.which("nginx") is None:
        print("warm: nginx is not installed")
        return False
    links = [line["file"]["url"] for line in lines(hub) if "file" in line]
    with nginx(files(hub)) as others:
        rates: dict[str, list[tuple[float, float]]] = {"hub": [], "nginx": []}
        for _ in range(pairs):
            for name, urls in (("nginx", others), ("hub", links)):
                serving = [one for one in family() if (one.name() == "nginx") == (name == "nginx")]
                size = 0

                def take(urls: list[str] = urls) -> None:
                    nonlocal size
                    size = sum(map(bytes_of, urls))

                took = timed(take, serving)
                rates[name].append((size / took.wall / 2**20, took.cpu))
    ratio = statistics.median(h / n for (h, _), (n, _) in zip(rates["hub"], rates["nginx"], strict=True))
    medians = [statistics.median(one[at] for one in rates[name]) for name in ("hub", "nginx") for at in (0, 1)]
    print(
        f"warm files: {ratio:.2f}× nginx ({medians[0]:,.0f} MB/s against {medians[2]:,.0f} MB/s; CPU of client and server "
        f"{medians[1]:.2f} s against {medians[3]:.2f} s)  {'meets' if ratio >= WARM else 'MISSES'} ≥ {WARM:g}",
        flush=True,
    )
    return ratio < WARM


def family() -> list[psutil.Process]:
    """The processes that this one started, and theirs."""
    return psutil.Process().children(recursive=True)


def timed(work: Callable[[], object], serving: list[psutil.Process]) -> Took:
    """What some work took, here, and in processes that serve it, those that they started meanwhile as well."""
    already, before, start = set(family()), spent(serving), time.perf_counter()
    work()
    wall = time.perf_counter() - start
    return Took(wall, spent([*serving, *(one for one in family() if one not in already)]) - before)


def spent(serving: list[psutil.Process]) -> float:
    """Seconds of CPU."""
    mine = psutil.Process().cpu_times()
    told = [one.cpu_times() for one in serving if one.is_running()]
    return sum((mine.user, mine.system, *(t.user + t.system for t in told)))


def own_copy(home: Path, target: Path) -> None:
    """The masked view, by DuckDB alone: all its threads, no limit of its memory. Prints the seconds of the COPY alone."""
    from catalog.access import use
    from catalog.entries import resources
    from catalog.identity import people
    from catalog.store import database
    from warehouse.serving import extracts
    from warehouse.settings import Settings
    from warehouse.storage import connection

    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    connection.READER_MEMORY = "16GB"
    with database.session(settings.catalog_database) as session:
        asks = people.of_person(session, people.get_person(session, "masked").id)
        assert asks is not None
        reading = use.decided(session, asks, resources.get(session, "reading"), "download")
    assert reading.snapshot is not None
    with connection.reader(settings) as lake:
        sql = extracts._snapshot_sql(lake, reading.view, reading.snapshot)
        start, used = time.perf_counter(), time.process_time()
        lake.execute(f"COPY ({sql}) TO '{target}' ({extracts.FORM})")
    print(json.dumps([time.perf_counter() - start, time.process_time() - used]))


def clear(hub: Served) -> None:
    """Remove every extract."""
    shutil.rmtree(hub.settings.root / "cache" / "extracts", ignore_errors=True)


def files(hub: Served) -> list[Path]:
    """The files that were cut."""
    return sorted((hub.settings.root / "cache" / "extracts").glob("*/*/*.parquet"))


def pull(hub: Served) -> int:
    """Query, and each file as its line comes: fetched and read. Rows."""
    return sum(pq.read_table(io.BytesIO(content(line["file"]["url"]))).num_rows for line in lines(hub) if "file" in line)


def lines(hub: Served) -> Iterator[dict[str, dict[str, str]]]:
    """Lines of the answer as they come."""
    connection, answer = asked(hub)
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.read()!r}")
    for line in answer:
        yield json.loads(line)
    connection.close()


def asked(hub: Served) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """A query of the whole version."""
    connection = http.client.HTTPConnection(urlparse(hub.address).netloc)
    connection.request("POST", TABLE, body=b"{}", headers={"Authorization": f"Bearer {hub.masked}"})
    return connection, connection.getresponse()


def fetched(hub: Served) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """The first file, by key."""
    connection = http.client.HTTPConnection(urlparse(hub.address).netloc)
    connection.request("GET", FILE, headers={"Authorization": f"Bearer {hub.masked}"})
    return connection, connection.getresponse()


def content(url: str) -> bytes:
    """The bytes behind a link."""
    parts = urlparse(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    return told


def bytes_of(url: str) -> int:
    """How many there are: received into one place, over and over."""
    parts, place = urlparse(url), memoryview(bytearray(1 << 20))
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as line:
        line.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(4096)
        size = len(head.split(b"\r\n\r\n", 1)[1])
        while got := line.recv_into(place):
            size += got
    told = {k.lower(): v for k, _, v in (row.partition(b": ") for row in head.split(b"\r\n"))}
    if not head.startswith(b"HTTP/1.1 200") or int(told[b"content-length"]) != size:
        raise RuntimeError(f"{size} bytes of {head[:300]!r}")
    return size


@contextmanager
def nginx(paths: list[Path]) -> Iterator[list[str]]:
    """The same files by nginx; their addresses."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hui-nginx-") as folder:
        served_ = Path(folder)
        served_.chmod(0o755)
        for number, path in enumerate(paths):
            shutil.copy(path, served_ / f"{number}.parquet")
        (served_ / "nginx.conf").write_text(
            f"pid {folder}/pid; error_log stderr crit; user root; events {{}} "
            f"http {{ access_log off; sendfile on; tcp_nopush on; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}"
        )
        command = ["nginx", "-c", f"{folder}/nginx.conf", "-p", folder, "-g", "daemon off; master_process off;"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            urls = [f"http://127.0.0.1:{port}/{number}.parquet" for number in range(len(paths))]
            until = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.05)
            yield urls
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
