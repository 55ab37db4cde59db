"""Beside the cutting of a file: its bytes are hashed as they come, and the disk's room is watched."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import duckdb

from warehouse.serving import extract_room
from warehouse.settings import Settings

LOOK_SECONDS = 0.05
BLOCK = 1 << 20


class Beside:
    """Around DuckDB's COPY to a path: a thread that hashes what is there already. Where the disk's room goes below what is to
    stay free (HUB_FREE_BYTES) it stops the COPY, and NoRoom is raised. Then `digest`."""

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._settings, self._connection, self._path = settings, connection, path
        self._hash = hashlib.sha256()
        self._gone = 0
        self._over = threading.Event()
        self._short = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if self._short and isinstance(error, duckdb.InterruptException):
            raise extract_room.NoRoom(self._settings) from None

    def digest(self) -> str:
        """SHA-256 of the finished file, in hexadecimal."""
        self._on()
        return self._hash.hexdigest()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._on()
            if not self._short and extract_room.free(self._settings) < self._settings.free_bytes:
                self._short = True
                self._connection.interrupt()

    def _on(self) -> None:
        """Hash on from where it stopped."""
        with suppress(FileNotFoundError), self._path.open("rb", buffering=0) as file:
            file.seek(self._gone)
            while block := file.read(BLOCK):
                self._hash.update(block)
                self._gone += len(block)
