"""DuckDB instances that this process keeps open of a lake: one of each kind, and a few of older snapshots."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb

from warehouse.settings import Settings

PINNED = 4
"""Instances kept of older snapshots; the one used longest ago goes first."""


class Kind(StrEnum):
    """What an instance is for."""

    READER = "reader"
    WRITER = "writer"
    SANDBOX = "sandbox"
    """People's own SQL: nothing but the lake within reach (warehouse.serving.sandbox)."""


@dataclass(frozen=True, slots=True)
class _Key:
    process: int
    root: Path
    lake_catalog: str
    kind: Kind
    snapshot: int | None


_open: OrderedDict[_Key, duckdb.DuckDBPyConnection] = OrderedDict()
_guard = threading.RLock()


def instance(
    settings: Settings, kind: Kind, make: Callable[[], duckdb.DuckDBPyConnection], *, snapshot: int | None = None
) -> duckdb.DuckDBPyConnection:
    """The instance of this kind (of an older snapshot, where one is named), made where there is none yet."""
    key = _Key(os.getpid(), settings.root, settings.lake_catalog, kind, snapshot)
    with _guard:
        existing = _open.pop(key, None)
        _open[key] = connection = make() if existing is None else existing
        for old in [key for key in _open if key.snapshot is not None][:-PINNED]:
            _open.pop(old)  # cursors in use keep it alive until they close
        return connection


def close(settings: Settings) -> None:
    """Close all that this process keeps open of a lake: before its files are replaced or removed."""
    with _guard:
        for key in [key for key in _open if key.root == settings.root]:
            _open.pop(key).close()
