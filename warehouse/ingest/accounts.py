"""The lake's account of every batch and the ledger's, side by side: what one knows and the other does not.

They part where one of the two was brought back from before: by a power cut, a copy, a replica that had fallen behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from contracts.deliveries import Outcome, Placed
from warehouse.ingest.ports import Ledger
from warehouse.storage import commits as commit
from warehouse.storage import tables
from warehouse.storage.commits import Commit, Stamp
from warehouse.storage.connection import literal, table

OPEN = ("received", "checking")
IN_LAKE = ("loaded", "partial", "corrected")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Both accounts, read at one moment."""

    commits: Sequence[Commit]
    snapshots: Mapping[int, datetime]
    placed: Mapping[str, Placed]

    @property
    def newest(self) -> int:
        """The lake's newest snapshot."""
        return max(self.snapshots, default=0)

    def last_words(self) -> dict[str, tuple[Commit, Outcome]]:
        """The newest commit that says something of each batch, and what it says."""
        words: dict[str, tuple[Commit, Outcome]] = {}
        for made in self.commits:
            if made.kind == "rebuild":
                words |= {batch: (made, outcome) for batch, outcome in made.batches.items()}
            elif made.kind in ("load", "undo"):
                words[made.batch_id] = (made, made.outcome)
        return words

    def stamps(self) -> dict[str, Stamp]:
        """Receipts as the lake's commits carry them."""
        return {batch: stamp for made in self.commits for batch, stamp in made.receipts.items()}

    def unknown(self) -> list[str]:
        """Batches that the lake holds and the ledger does not know, oldest first."""
        return [batch for batch in self.last_words() if batch not in self.placed]

    def of_other_bytes(self) -> list[str]:
        """Numbers under which the lake holds one file and the ledger another."""
        stamps = self.stamps()
        return [
            batch
            for batch in self.last_words()
            if batch in self.placed and batch in stamps and stamps[batch].receipt.sha256 != self.placed[batch].sha256
        ]

    def untold(self) -> list[tuple[Placed, Outcome]]:
        """Batches of which the lake's last word is newer than the ledger's, or the ledger's snapshot is not there."""
        others = set(self.of_other_bytes())
        return [
            (held, outcome)
            for batch, (made, outcome) in self.last_words().items()
            if (held := self.placed.get(batch)) is not None
            and batch not in others
            and held.state not in OPEN
            and (held.snapshot is None or held.snapshot < made.snapshot or self._gone(held))
        ]

    def missing(self) -> list[Placed]:
        """Batches of whose snapshot the lake knows nothing, oldest first. An expired snapshot is none of them."""
        words = self.last_words()
        known = (held for held in self.placed.values() if held.state not in (*OPEN, "undone"))
        return [held for held in known if held.batch_id not in words and self._gone(held)]

    def _gone(self, held: Placed) -> bool:
        """Whether the batch's snapshot is beyond the newest one, or was made by something else."""
        if held.snapshot is None:
            return False
        if held.snapshot not in self.snapshots:
            return held.snapshot > self.newest
        return not any(
            made.snapshot == held.snapshot and held.batch_id in (made.batch_id, *made.batches, *made.receipts)
            for made in self.commits
        )


def read(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> Accounts:
    """Both accounts. The ledger first where loads may go on beside: what it knows then, the lake knows too."""
    placed = {held.batch_id: held for held in ledger.placed()}
    return Accounts(commit.commits(connection), commit.snapshots(connection), placed)


def agree(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> bool:
    """Whether the newest word of each store is known to the other: a quick look before every load, under the writer lock."""
    made, last = commit.newest(connection), ledger.last_placed()
    if made is not None and made.batch_id and not _told(made, ledger.find(made.batch_id)):
        return False
    if last is None or last.snapshot is None or (made is not None and last.snapshot <= made.snapshot):
        return made is None or last is None or last.snapshot != made.snapshot or last.batch_id in _batches(made)
    snapshots = commit.snapshots(connection)
    return last.snapshot not in snapshots and last.snapshot < max(snapshots, default=0)  # expired, not lost


def rows_there(connection: duckdb.DuckDBPyConnection, held: Placed) -> bool:
    """Whether the lake holds the batch's rows all the same: raw its accepted ones, quarantine the others."""
    raw = 0
    if held.accepted and tables.existing(connection, "raw", held.dataset):
        raw = _count(connection, f"{table('raw', held.dataset)} WHERE _batch = {literal(held.batch_id)}")
    kept = _count(connection, f"lake.quarantine.rows WHERE batch = {literal(held.batch_id)}") if held.quarantined else 0
    return (raw, kept) == (held.accepted, held.quarantined)


def _told(made: Commit, held: Placed | None) -> bool:
    if held is None or held.snapshot is None or held.snapshot < made.snapshot:
        return False
    stamp = made.receipts.get(made.batch_id)
    return stamp is None or stamp.receipt.sha256 == held.sha256


def _batches(made: Commit) -> Iterator[str]:
    yield from (made.batch_id, *made.batches, *made.receipts)


def _count(connection: duckdb.DuckDBPyConnection, which: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {which}").fetchone()
    return int(row[0]) if row else 0
