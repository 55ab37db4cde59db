"""`readers`: pages of 100 from a large version, from its first to its last, and by 50 users at once.

Baseline of a page: the same page of a version of 100,000 rows, served in the same run (limit: 3 times). Baseline of 50 users:
one user. No answer may be an error. `python -m benchmarks.readers [--rows 10000000]`
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
import time
from urllib.parse import quote

from benchmarks.pairs import Ratio, compare, report
from benchmarks.rows import Asking
from benchmarks.sharing_hub import Served, served

USERS, EACH = 50, 10
SMALL = 100_000
PAGES = 20
LIMIT = 3.0
PAGE = 100
PATH = f"/api/v1/resources/reading/rows?limit={PAGE}"


def main() -> None:
    """A ratio for pages at each place of the large version, and one for 50 users."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    ratios: list[Ratio] = []
    with served(SMALL) as small, served(options.rows) as large:
        for place in (0.0, 0.5, 0.97):
            first = [from_place(rows, place) for rows in (SMALL, options.rows)]
            ratios.append(
                compare(
                    f"{PAGES} pages of 100 at {place:.0%} of {options.rows:,}", f"{SMALL:,} rows",
                    lambda start=first[0]: pages(small, start), lambda start=first[1]: pages(large, start),
                    pairs=options.pairs, limit=LIMIT,
                )
            )  # fmt: skip
        alone, _ = load(large, 1, options.rows)
        together, errors = load(large, USERS, options.rows)
    report(ratios)
    p95 = statistics.quantiles(together, n=20)[-1]
    print(
        f"{USERS} users at once: {len(together)} pages, {errors} errors, p95 {p95 / statistics.median(alone):.1f}× of "
        f"one user's median ({statistics.median(alone) * 1000:.0f} ms)"
    )
    sys.exit(1 if errors else 0)


def from_place(rows: int, place: float) -> str:
    """The filter of rows from a place of the version on, in key order."""
    return quote(f"reading_id >= 'R-{int(rows * place):09d}'")


def pages(hub: Served, start: str) -> None:
    """Pages from a place on, each beginning where the last one ended."""
    ask, after = Asking(hub, hub.plain), ""
    for _ in range(PAGES):
        answer = ask(f"{PATH}&filter={start}&after={after}")
        assert len(answer["rows"]) == PAGE
        after = quote(answer["next"])


def load(hub: Served, users: int, rows: int) -> tuple[list[float], int]:
    """Seconds of each page that so many users read at once, at random places; and how many were no rows."""
    seconds: list[float] = []
    errors: list[str] = []

    def read(seed: int) -> None:
        ask, chance = Asking(hub, hub.masked if seed % 2 else hub.plain), random.Random(seed)
        for _ in range(EACH):
            start, begun = from_place(rows, chance.random() * 0.99), time.perf_counter()
            try:
                assert ask(f"{PATH}&filter={start}")["rows"]
            except (RuntimeError, OSError, AssertionError) as error:
                errors.append(str(error))
            seconds.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in sorted(set(errors))[:5]:
        print(error, file=sys.stderr)
    return seconds, len(errors)


if __name__ == "__main__":
    main()
