"""Functions that tests let a worker call; each does to its own process what DuckDB may do to it."""

from __future__ import annotations

import os
import time

import duckdb

from warehouse.serving.query_workers import in_worker
from warehouse.serving.sandbox import QueryTooSlow
from warehouse.settings import Settings


@in_worker
def process_of(_settings: Settings) -> int:
    """The process that answers."""
    return os.getpid()


@in_worker
def abort(_settings: Settings) -> None:
    """What DuckDB does where a destructor runs out of memory."""
    os.abort()


@in_worker
def wait_for(_settings: Settings, path: str) -> int:
    """Runs until a file is there."""
    while not os.path.exists(path):
        time.sleep(0.02)
    return os.getpid()


@in_worker
def too_slow(_settings: Settings) -> None:
    raise QueryTooSlow(30)


@in_worker
def out_of_memory(_settings: Settings) -> None:
    raise duckdb.OutOfMemoryException("could not allocate block")


@in_worker
def no_pickle(_settings: Settings) -> object:
    return lambda: None
