"""Dagster's own storage of runs and events (SQLite in HUB_HOME), over connections that are kept.

Dagster opens a connection for each event it writes, one or two a check: a third of what a small dataset's refresh cost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

KEPT = 8
"""Shards (one a run, and the index of all) whose connection stays open."""


class EventStorage(SqliteEventLogStorage):
    """Dagster's events, each committed as before; the newest may be lost with the machine's power, never with a process."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            with self._engine(shard).begin() as connection:
                yield connection
            os.utime(self.path_for_shard(shard))  # who watches a run looks at this file; events are beside it, in the log

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            url = create_db_conn_string(self._base_dir, shard)
            engine = create_engine(url, pool_size=1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
            self._initdb(engine)
        self._engines[shard] = engine
        while len(self._engines) > KEPT:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table: asked at each event of an asset, and one that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        """Forget every run."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """End what it watches, and its connections."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


class RunStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with such events; what was written before it is where it was."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> RunStorage:
        """As dagster.yaml says."""
        return cls.from_local(inst_data=inst_data, **config_value)

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = EventStorage(_event_logs_directory(base_dir))
