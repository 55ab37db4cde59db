"""Homes that are made once and copied: filling one takes seconds, a copy hundredths."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from catalog.store import database
from contracts import clock
from warehouse.settings import Settings
from warehouse.storage import connection


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> tuple[Path, Any]:
    """A home that the first test process to ask makes, and what is to be known of it (as JSON). It is copied, never changed."""
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    home, told = shared / f"{name}-home", shared / f"{name}-home.json"
    with FileLock(shared / f"{name}-home.lock"):
        if not told.is_file():
            shutil.rmtree(home, ignore_errors=True)
            told.write_text(json.dumps(make(home)), encoding="utf-8")
    return home, json.loads(told.read_text(encoding="utf-8"))


def let_go(settings: Settings) -> None:
    """Close what this process holds open of a home, so that all of it is in its files."""
    connection.forget(settings)
    database.engine(settings.catalog_database).dispose()


def copied(home: Path, to: Path) -> Path:
    """A copy, to be changed."""
    shutil.copytree(home, to, symlinks=True)
    return to


def empty(settings: Settings) -> None:
    """An installation with an empty catalogue and an empty lake; on SQLite a copy of one that this process made once."""
    if settings.catalog_url or settings.lake_catalog or clock.ahead():
        _make(settings)
    else:
        shutil.copytree(_empty_home(), settings.root, symlinks=True)


@cache
def _empty_home() -> Path:
    folder = tempfile.mkdtemp(prefix="hui-empty-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = Settings(home=Path(folder) / "var", _env_file=None)  # type: ignore[call-arg]
    _make(settings)
    let_go(settings)
    return settings.root


def _make(settings: Settings) -> None:
    settings.root.mkdir(parents=True, exist_ok=True)
    database.migrate(settings.catalog_database)
    connection.initialise(settings)
