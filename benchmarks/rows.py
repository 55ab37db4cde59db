"""`rows`: API rows by key and pages of 1,000, against the same query by DuckDB in this process over the same lake.

Baseline: the lake attached, `SELECT … WHERE key = ?` and keyset pages, fetched as Arrow. Candidate: HTTP on one kept-open
connection, with sign-in by key, decision, view, audit record and JSON. `python -m benchmarks.rows [--rows 1000000]`
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
from urllib.parse import quote, urlparse

from benchmarks.pairs import Ratio, compare, report
from benchmarks.sharing_hub import Served, served
from warehouse.storage.connection import reader

COLUMNS = "reading_id, station, division, level, measured, lon, day, seen_at"
KEYS = 200
PAGES = 50
PAGE = 1000


def main() -> None:
    """Two ratios for a plain view, two for a masked and filtered one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    ratios: list[Ratio] = []
    with served(options.rows) as hub:
        for name, key in (("plain", hub.plain), ("masked", hub.masked)):
            by_key, pages = (lambda key=key: api_keys(hub, key, options.rows)), (lambda key=key: api_pages(hub, key))
            ratios += [
                compare(
                    f"{KEYS} rows by key, {name}", "DuckDB", lambda: duckdb_keys(hub, options.rows), by_key, pairs=options.pairs
                ),
                compare(f"{PAGES} pages of {PAGE}, {name}", "DuckDB", lambda: duckdb_pages(hub), pages, pairs=options.pairs),
            ]
    report(ratios)


def wanted(rows: int) -> list[str]:
    """The same keys for both sides."""
    return [f"R-{n:09d}" for n in random.Random(1).sample(range(rows), KEYS)]


def duckdb_keys(hub: Served, rows: int) -> None:
    """Rows by key, in process."""
    with reader(hub.settings) as lake:
        for key in wanted(rows):
            lake.execute(f"SELECT {COLUMNS} FROM lake.resource.reading WHERE reading_id = ?", [key]).to_arrow_table()


def duckdb_pages(hub: Served) -> None:
    """Keyset pages, in process."""
    after = ""
    with reader(hub.settings) as lake:
        for _ in range(PAGES):
            sql = f"SELECT {COLUMNS} FROM lake.resource.reading WHERE reading_id > ? ORDER BY reading_id LIMIT {PAGE}"
            after = lake.execute(sql, [after]).to_arrow_table().column("reading_id")[-1].as_py()


def api_keys(hub: Served, key: str, rows: int) -> None:
    """Rows by key, by HTTP."""
    ask = Asking(hub, key)
    for name in wanted(rows):
        assert "rows" in ask(f"/api/v1/resources/reading/rows/{name}")


def api_pages(hub: Served, key: str) -> None:
    """Pages, by HTTP."""
    ask, after = Asking(hub, key), ""
    for _ in range(PAGES):
        told = ask(f"/api/v1/resources/reading/rows?limit={PAGE}&after={quote(after)}")
        assert len(told["rows"]) == PAGE
        after = told["next"]


class Asking:
    """One kept-open connection with a key."""

    def __init__(self, hub: Served, key: str) -> None:
        self.connection = http.client.HTTPConnection(urlparse(hub.address).netloc)
        self.headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}

    def __call__(self, path: str) -> dict:  # type: ignore[type-arg]
        """One answer, as JSON."""
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:300]!r}")
        return json.loads(body)  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
