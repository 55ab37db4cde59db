"""A worker process of `warehouse.serving.query_workers`: python -m warehouse.serving.query_worker DESCRIPTOR MEMORY."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from warehouse.serving import query_workers
from warehouse.storage import connection


def main() -> None:
    """Answer the server's calls with this much DuckDB memory; the first to go when the machine has none left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is the server's to answer
    connection.READER_MEMORY = sys.argv[2]
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    from warehouse.ingest import quarantine  # noqa: F401 - imported before the first question comes
    from warehouse.serving import diff, extracts, pages, questions  # noqa: F401 - imported before the first question comes

    query_workers.serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
