"""Serving stores are made where versions are read: the first page of one comes from the lake, and its file is made meanwhile.

In a process of its own, one after another, with low priority: nobody waits for it, and the server's loop knows nothing of it.
`python -m warehouse.serving.store_maker` is that process; what it is to make comes pickled on its standard input.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from warehouse.serving import query_workers, store
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("hui.lake")

_asked: set[tuple[Path, str, str, int]] = set()
"""Versions that were asked for since this process began: each is tried once."""
_line: queue.SimpleQueue[tuple[Settings, str, str, int, list[str]]] = queue.SimpleQueue()
_lock = threading.Lock()


def want(settings: Settings, library: str, dataset: str, snapshot: int, key: Sequence[str]) -> None:
    """A server was asked for rows of a version without a store: one is made, once. Commands make none by themselves."""
    if settings.served_bytes <= 0 or not key or not query_workers.serving(settings):
        return
    wanted = (settings.root, library, dataset, snapshot)
    if wanted in _asked:
        return
    with _lock:
        if wanted in _asked:
            return
        if not _asked:
            threading.Thread(target=_make, name="serving-stores", daemon=True).start()
        _asked.add(wanted)
    _line.put((settings, library, dataset, snapshot, list(key)))


def _make() -> None:
    while True:
        wanted = _line.get()
        try:
            command = [sys.executable, "-m", "warehouse.serving.store_maker"]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
            subprocess.run(
                command, input=pickle.dumps(wanted), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("no serving store of %s.%s at %s: %s", *wanted[1:4], error)


def main() -> None:
    """Make one."""
    with suppress(OSError):
        os.nice(10)
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    store.prepare(*pickle.loads(sys.stdin.buffer.read()))  # noqa: S301 - from the server that started us


if __name__ == "__main__":
    main()
