"""Records of requests that run beside each other, committed in groups: one transaction and one write to disk for all of them.

A use of data is answered only when its record is committed. Alone, each record costs a commit (an fsync, and the wait for the
chain's head); those that come while a group is being committed make up the next one. Nobody waits for others to come.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from catalog.audit import chain
from catalog.audit.chain import Draft
from catalog.store import database
from catalog.store.generation import current

LARGEST = 200
"""Records of one group: whoever waits for the head meanwhile waits some milliseconds."""


class Groups:
    """The records of one process for one catalogue. Other processes have groups of their own; the chain's head puts all groups
    in one line."""

    def __init__(self, bind: Engine) -> None:
        self._bind = bind
        self._line: list[_Waiting] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        file = bind.url.database if bind.dialect.name == "sqlite" else ""
        self._door = Path(f"{file}-records.lock") if file and file != ":memory:" else None

    def record(self, entry: Draft, *, generation: str = "") -> bool:
        """Returns when the record is committed. What kept its group from that is raised by each that waits for it: no answer
        leaves without its record. False, and no record: the catalogue is not of this generation any more, on which the use
        was decided. It is looked at under the chain's head: whoever ends a right and records it comes before or after."""
        waiting = _Waiting(entry, generation)
        with self._lock:
            self._line.append(waiting)
        while not waiting.over:
            with self._turn:  # held by who commits for the others
                if not waiting.over:
                    self._commit()
        if waiting.error is not None:
            raise waiting.error
        return not waiting.outdated

    def _commit(self) -> None:
        with self._lock:
            group, self._line = self._line[:LARGEST], self._line[LARGEST:]
        try:
            with self._after_other_processes(), self._bind.begin() as connection:
                taken = chain.take(connection)
                token = current(connection) if any(one.generation for one in group) else ""
                for one in group:
                    one.outdated = bool(one.generation) and one.generation != token
                if entries := [one.entry for one in group if not one.outdated]:
                    chain.append(connection, entries, taken)
        except BaseException as error:
            for one in group:
                one.error = error
        finally:
            for one in group:
                one.over = True

    @contextmanager
    def _after_other_processes(self) -> Iterator[None]:
        """Workers on SQLite wait for each other by a lock of the system, which wakes the next at once: SQLite's own wait looks
        again in steps of milliseconds, and two workers spent most of their time in it."""
        if self._door is None:
            yield
            return
        with self._door.open("ab") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            yield


class _Waiting:
    """A record in the line, and what became of it."""

    __slots__ = ("entry", "error", "generation", "outdated", "over")

    def __init__(self, entry: Draft, generation: str) -> None:
        self.entry, self.generation = entry, generation
        self.outdated = False
        self.error: BaseException | None = None
        self.over = False


@lru_cache(maxsize=64)
def of(bind: Engine) -> Groups:
    """The groups of a catalogue in this process."""
    return Groups(bind)


def record(session: Session, **fields: Any) -> None:
    """Leave a use of data on record, beside the session's transaction: committed when this returns. Fields as `chain.record`.

    A session that wrote holds what the group may wait for (the chain's head, or SQLite's one place for who writes): it records
    by itself, committed with what it did.
    """
    if session.new or session.dirty or session.deleted or database.wrote(session):
        chain.record(session, **fields)
    else:
        of(session.connection().engine).record(chain.draft(**fields))
