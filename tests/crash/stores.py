"""Where a hub of the crash tests keeps catalogue and lake: files in its home, or two databases of a PostgreSQL server."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from catalog.store import database
from tests.servers import database_url, databases, run_statement
from warehouse.settings import Settings
from warehouse.storage import connection

KINDS = {"catalogue": "catalog_url", "lake": "lake_catalog"}
"""Each store, and the setting that names its database."""


@dataclass
class Stores:
    """No server: SQLite in the home. With one: databases copied from empty ones."""

    server: str = ""
    name: str = field(default_factory=lambda: f"hui_crash_{os.getpid()}_{uuid.uuid4().hex[:8]}")

    @property
    def addresses(self) -> dict[str, str]:
        """The settings that lead to them."""
        if not self.server:
            return {}
        return {setting: database_url(self.server, f"{self.name}_{store}") for store, setting in KINDS.items()}

    @staticmethod
    @cache
    def empty(server: str = "") -> Stores:
        """Those of the empty home; as databases they are templates, and gone when the process ends."""
        made = Stores(server)
        if server:
            for store in KINDS:
                run_statement(server, f'CREATE DATABASE "{made.name}_{store}"')
            atexit.register(made.drop)
        return made

    def make(self) -> None:
        """Copies of the empty ones; files come with the home."""
        if self.server:
            for store in KINDS:
                self._replace(f"{self.name}_{store}", Stores.empty(self.server).name + f"_{store}")

    def keep(self, settings: Settings, name: str) -> None:
        """Copy both stores as they are now, under a name."""
        _leave(settings)
        for store in KINDS:
            if self.server:
                self._replace(f"{self.name}_{store}_{name}", f"{self.name}_{store}")
                continue
            kept = settings.root.parent / f"{name}-{store}.db"
            with closing(sqlite3.connect(_file(settings, store))) as old, closing(sqlite3.connect(kept)) as new:
                old.backup(new)

    def bring_back(self, settings: Settings, name: str, stores: tuple[str, ...]) -> None:
        """Put stores back as they were kept, as a machine finds them that lost its last commits."""
        _leave(settings)
        for store in stores:
            if self.server:
                self._replace(f"{self.name}_{store}", f"{self.name}_{store}_{name}")
                continue
            file = _file(settings, store)
            for rest in ("-wal", "-shm"):
                file.with_name(file.name + rest).unlink(missing_ok=True)
            shutil.copy2(settings.root.parent / f"{name}-{store}.db", file)

    def drop(self) -> None:
        """Remove the databases, kept ones too."""
        if self.server:
            for name in databases(self.server, self.name):
                run_statement(self.server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _replace(self, name: str, template: str) -> None:
        run_statement(self.server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        run_statement(self.server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _leave(settings: Settings) -> None:
    """Close what this process has open on both."""
    connection.forget(settings)
    database.engine(settings.catalog_database).dispose()


def _file(settings: Settings, store: str) -> Path:
    return settings.root / "catalog.db" if store == "catalogue" else connection.metadata_file(settings)
