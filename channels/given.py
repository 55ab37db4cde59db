"""What was given from a source's rows, by their keys: a file beside the channel's own, for keys are too many for a memory.

It goes with one state of the channel's memory, which counts pulls: one that is of another count is not trusted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS state(pull INTEGER NOT NULL, pending INTEGER, window INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS given(id INTEGER PRIMARY KEY, row_key TEXT NOT NULL UNIQUE, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pending(row_key TEXT PRIMARY KEY, hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone(id INTEGER PRIMARY KEY);
"""
SHOWN = 10
"""Keys that are named where many are gone."""


class Twice(Exception):
    """A key that two rows bear."""


@dataclass
class Comparison:
    """One pull against what was given before. Nothing of it counts until `Given.settle`."""

    connection: sqlite3.Connection
    window: bool
    """Only the rows of this pull are remembered: those that the next overlap can bring again."""
    seen: bytearray = field(default_factory=bytearray)
    known: int = 0

    def news(self, rows: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Of some rows, by key and hash, whether each is new or changed. Errors: Twice."""
        self.connection.execute("DELETE FROM asked")
        self.connection.executemany("INSERT INTO asked VALUES (?, ?, ?)", ((number, *row) for number, row in enumerate(rows)))
        found = self.connection.execute(
            "SELECT id, given.hash IS asked.hash FROM asked LEFT JOIN given USING (row_key) ORDER BY number"
        ).fetchall()
        for (key, _), (number, _) in zip(rows, found, strict=True):
            if number is not None:
                self._see(number, key)
        news = [not same for _, same in found]
        kept = [row for row, new in zip(rows, news, strict=True) if new or self.window]
        before = self.connection.total_changes
        try:
            self.connection.executemany("INSERT INTO pending VALUES (?, ?)", kept)
        except sqlite3.IntegrityError:
            raise Twice(kept[self.connection.total_changes - before][0]) from None
        return news

    def _see(self, number: int, key: str) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self.seen):
            self.seen.extend(bytes(place + 1 - len(self.seen) + 4096))
        if self.seen[place] & bit:
            raise Twice(key)
        self.seen[place] |= bit
        self.known += 1

    def gone(self) -> tuple[int, list[str]]:
        """How many keys the source no longer has, and the first of them; of a pull that read everything."""
        (before,) = self.connection.execute("SELECT count(*) FROM given").fetchone()
        if before > self.known:
            missing = ((one,) for (one,) in self.connection.execute("SELECT id FROM given ORDER BY id") if not self._saw(one))
            while some := list(islice(missing, 1000)):
                self.connection.executemany("INSERT INTO gone VALUES (?)", some)
        keys = self.connection.execute("SELECT row_key FROM given JOIN gone USING (id) ORDER BY id LIMIT ?", (SHOWN,))
        return before - self.known, [key for (key,) in keys]

    def _saw(self, number: int) -> bool:
        return number >> 3 < len(self.seen) and bool(self.seen[number >> 3] & (1 << (number & 7)))


@dataclass(frozen=True, slots=True)
class Given:
    """The file, and the pull that the channel's memory counts as its last."""

    file: Path
    pull: int

    def there(self, *, anew: bool = False) -> bool:
        """Whether it holds what was given up to that pull; one that is of another is emptied, so is one to be begun anew."""
        self.settle()
        with self._open() as connection:
            held = connection.execute("SELECT pull FROM state").fetchone()
            if held == (self.pull,) and not anew:
                return True
            connection.executescript("DELETE FROM given; DELETE FROM pending; DELETE FROM gone; DELETE FROM state;")
            connection.execute("INSERT INTO state(pull) VALUES (?)", (self.pull,))
            connection.commit()
        return False

    @contextmanager
    def comparing(self, *, window: bool) -> Iterator[Comparison]:
        """Compare the next pull; kept where it ends well, apart from what was given."""
        with self._open() as connection:
            connection.executescript("UPDATE state SET pending = NULL; DELETE FROM pending; DELETE FROM gone;")
            connection.execute("CREATE TEMP TABLE asked(number INTEGER PRIMARY KEY, row_key TEXT NOT NULL, hash BLOB NOT NULL)")
            yield Comparison(connection, window)
            connection.execute("UPDATE state SET pending = ?, window = ?", (self.pull + 1, int(window)))
            connection.commit()

    def settle(self) -> None:
        """The pull was received: what it gave is what was given. Said twice, it is as said once."""
        with self._open() as connection:
            state = connection.execute("SELECT pending, window FROM state").fetchone()
            if state is None or state[0] != self.pull:
                return
            if state[1]:
                connection.execute("DELETE FROM given")
            connection.execute("DELETE FROM given WHERE id IN (SELECT id FROM gone)")
            connection.execute(
                "INSERT INTO given(row_key, hash) SELECT row_key, hash FROM pending WHERE true "
                "ON CONFLICT (row_key) DO UPDATE SET hash = excluded.hash"
            )
            connection.execute("DELETE FROM pending")
            connection.execute("DELETE FROM gone")
            connection.execute("UPDATE state SET pull = ?, pending = NULL", (self.pull,))
            connection.commit()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            opened = self._opened()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            self.file.unlink()  # damaged: as good as none
            opened = self._opened()
        with closing(opened) as connection:
            yield connection

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=30)
        connection.execute("PRAGMA cache_size = -16000")  # 16 MB
        connection.executescript(TABLES)
        return connection
