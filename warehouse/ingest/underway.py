"""Deliveries that a living process is bringing in: each holds a lock by its dataset and bytes, which dies with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.settings import Settings

FOLDER = "underway"


@contextmanager
def delivery(settings: Settings, dataset: str, sha256: str) -> Iterator[None]:
    """Hold these bytes for a dataset: the same ones at the same moment wait, and find them loaded then."""
    with _lock(settings, dataset, sha256, -1):
        yield


def held(settings: Settings, dataset: str, sha256: str, mine: str = "") -> bool:
    """Whether somebody alive, other than the caller who holds the bytes `mine`, is bringing in these bytes."""
    path = _path(settings, dataset, sha256)
    if not path.exists() or (mine and path == _path(settings, dataset, mine)):
        return False
    try:
        with _lock(settings, dataset, sha256, 0):
            return False
    except Timeout:
        return True


def _lock(settings: Settings, dataset: str, sha256: str, wait: float) -> FileLock:
    path = _path(settings, dataset, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, timeout=wait, thread_local=False)


def _path(settings: Settings, dataset: str, sha256: str) -> Path:
    """256 files at most: two deliveries that share one only wait for each other."""
    mark = hashlib.sha256(f"{dataset}\0{sha256}".encode()).hexdigest()
    return settings.root / FOLDER / f"{mark[:2]}.lock"
