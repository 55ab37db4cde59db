"""`pull`: bytes per second through Delta Sharing, unmasked and masked, cold and cached, against the same files read from disk.

Baseline: pyarrow reads the extract's files from the cache folder. Candidate: query, then each file by its signed link over
HTTP, and pyarrow reads the bytes. Cold: the extract is removed before each run, so cutting it is measured too.
`python -m benchmarks.pull [--rows 2000000]`
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import shutil
from pathlib import Path
from urllib.parse import urlparse

import pyarrow.parquet as pq  # before the fork: its import is no part of a pull, and starts no thread

from benchmarks.pairs import Ratio, compare, report
from benchmarks.sharing_hub import Served, served

TABLE = "/delta-sharing/shares/owner/schemas/resource/tables/reading/query"


def main() -> None:
    """Four ratios, and the bytes per second behind them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    ratios: list[Ratio] = []
    with served(options.rows) as hub:
        for name, key in (("unmasked", hub.plain), ("masked", hub.masked)):
            clear(hub)
            size = pull(hub, key)
            files = sorted((hub.settings.root / "cache" / "extracts").glob("*/*/*.parquet"))
            kept = [hub.settings.root / f"{name}-{n}.parquet" for n, file in enumerate(files)]
            for file, copy in zip(files, kept, strict=True):
                shutil.copy(file, copy)
            for state, before in (("cached", None), ("cold", lambda: clear(hub))):
                told = compare(
                    f"pull {name}, {state}, {size / 2**20:.0f} MB",
                    "Parquet from disk",
                    lambda kept=kept: from_disk(kept),
                    lambda key=key: pull(hub, key),
                    pairs=options.pairs,
                    before=before,
                )
                shared, disk = (size / 2**20 / seconds for seconds in (told.candidate_wall, told.baseline_wall))
                print(f"{told.name}: {shared:.0f} MB/s, disk {disk:.0f} MB/s", flush=True)
                ratios.append(told)
    report(ratios)


def clear(hub: Served) -> None:
    """Remove every extract."""
    shutil.rmtree(hub.settings.root / "cache" / "extracts", ignore_errors=True)


def from_disk(files: list[Path]) -> int:
    """Read the files as a local user would."""
    return sum(pq.read_table(file).num_rows for file in files)


def pull(hub: Served, key: str) -> int:
    """Query, fetch, read; bytes fetched."""
    connection = http.client.HTTPConnection(urlparse(hub.address).netloc)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", TABLE, body=b"{}", headers=headers)
    answer = connection.getresponse()
    lines = [json.loads(line) for line in answer.read().splitlines()]
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {lines}")
    size = 0
    for line in lines[2:]:
        url = urlparse(line["file"]["url"])
        connection.request("GET", f"{url.path}?{url.query}")
        body = connection.getresponse().read()
        size += len(body)
        pq.read_table(io.BytesIO(body))
    return size


if __name__ == "__main__":
    main()
