"""`stall`: one reader of rows beside sixteen clients without a key, against the same reader alone.

Baseline: the reader alone, 60 pages of five rows on one connection. Candidate: the same beside the load of strangers, whose
every request is a refusal on record. Beside the ratio: answers of 500 and more, and answers over 2 s, of anybody and of
/health; both must be none. `python -m benchmarks.stall [--postgres URL]` (an empty database).
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlparse

from benchmarks.pairs import compare, report
from benchmarks.sharing_hub import Served, crowd, served

STRANGERS = 16
PAGES = 60
LONGEST = 2.0
REFUSED = (
    ("/api/v1/resources/reading/rows", "*/*"),
    ("/resources/reading", "text/html"),
    ("/batches", "text/html"),
    ("/nosuch", "text/html"),
    ("/delta-sharing/shares", "*/*"),
)


def main() -> None:
    """One ratio, and what must not happen at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--postgres", default="", help="URL of an empty database for the catalogue")
    options = parser.parse_args()
    if options.postgres:
        os.environ["HUB_CATALOG_URL"] = options.postgres
    with TemporaryDirectory(prefix="hui-stall-") as folder, served(20_000) as hub:
        faults = Path(folder) / "faults"
        ratio = compare(
            f"{PAGES} pages beside {STRANGERS} clients without a key",
            "the reader alone",
            lambda: alone(hub, faults),
            lambda: beside(hub, faults),
            pairs=options.pairs,
        )
        told = faults.read_text().splitlines() if faults.exists() else []
    print(f"answers of 500 and more, or over {LONGEST:g} s: {len(told)}" + "".join(f"\n  {line}" for line in told[:5]))
    report([ratio])
    if told:
        sys.exit(1)


def alone(hub: Served, faults: Path) -> None:
    """The reader."""
    ask = Asking(hub, faults, hub.plain)
    for _ in range(PAGES):
        if ask("/api/v1/resources/reading/rows?limit=5") != 200:
            raise RuntimeError("the reader was not answered")


def beside(hub: Served, faults: Path) -> None:
    """The reader, while strangers ask without an end and somebody looks whether the hub is alive."""
    with load(hub, faults):
        alone(hub, faults)


@contextmanager
def load(hub: Served, faults: Path) -> Iterator[None]:
    """Strangers, until the block ends."""

    def stranger(number: int) -> Callable[[], object]:
        ask, turns = Asking(hub, faults), itertools.count(number)

        def one() -> None:
            path, accept = REFUSED[next(turns) % len(REFUSED)]
            ask(path, accept)

        return one

    def alive() -> Callable[[], object]:
        ask = Asking(hub, faults)

        def one() -> None:
            ask("/health")
            time.sleep(0.05)

        return one

    with crowd([*(stranger(number) for number in range(STRANGERS)), alive()]):
        yield


class Asking:
    """One kept-open connection; what took too long or failed is written down."""

    def __init__(self, hub: Served, faults: Path, key: str = "") -> None:
        self.connection = http.client.HTTPConnection(urlparse(hub.address).netloc, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.faults = faults

    def __call__(self, path: str, accept: str = "*/*") -> int:
        """The answer's status."""
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={**self.headers, "Accept": accept})
        answer = self.connection.getresponse()
        answer.read()
        seconds = time.perf_counter() - begun
        if answer.status >= 500 or seconds > LONGEST:
            with self.faults.open("a") as file:
                file.write(f"{answer.status} {seconds:.1f} s {path}\n")
        return answer.status


if __name__ == "__main__":
    main()
