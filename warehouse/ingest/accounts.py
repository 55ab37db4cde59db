"""The lake's account of every batch and the ledger's, side by side: what one knows and the other does not.

They part where one of the two was brought back from before: by a power cut, a copy, a replica that had fallen behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from contracts.deliveries import Outcome, Placed
from contracts.sql import literal
from warehouse.ingest.ports import Ledger
from warehouse.storage import commits, tables
from warehouse.storage.commits import Commit, Stamp
from warehouse.storage.connection import table

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
        for commit in self.commits:
            if commit.kind == "rebuild":
                words |= {batch: (commit, outcome) for batch, outcome in commit.batches.items()}
            elif commit.kind in ("load", "undo"):
                words[commit.batch_id] = (commit, commit.outcome)
        return words

    def stamps(self) -> dict[str, Stamp]:
        """Receipts as the lake's commits carry them."""
        return {batch: stamp for commit in self.commits for batch, stamp in commit.receipts.items()}

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
            (placed, outcome)
            for batch, (commit, outcome) in self.last_words().items()
            if (placed := self.placed.get(batch)) is not None
            and batch not in others
            and placed.state not in OPEN
            and (placed.snapshot is None or placed.snapshot < commit.snapshot or self._gone(placed))
        ]

    def missing(self) -> list[Placed]:
        """Batches of whose snapshot the lake knows nothing, oldest first. An expired snapshot is none of them."""
        words = self.last_words()
        known = (placed for placed in self.placed.values() if placed.state not in (*OPEN, "undone"))
        return [placed for placed in known if placed.batch_id not in words and self._gone(placed)]

    def _gone(self, placed: Placed) -> bool:
        """Whether the batch's snapshot is beyond the newest one, or was made by something else."""
        if placed.snapshot is None:
            return False
        if placed.snapshot not in self.snapshots:
            return placed.snapshot > self.newest
        return not any(
            commit.snapshot == placed.snapshot and placed.batch_id in (commit.batch_id, *commit.batches, *commit.receipts)
            for commit in self.commits
        )


def read(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> Accounts:
    """Both accounts. The ledger first where loads may go on beside: what it knows then, the lake knows too."""
    placed = {placed_batches.batch_id: placed_batches for placed_batches in ledger.placed()}
    return Accounts(commits.commits(connection), commits.snapshots(connection), placed)


def agree(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> bool:
    """Whether the newest word of each store is known to the other: a quick look before every load, under the writer lock."""
    newest, last = commits.newest(connection), ledger.last_placed()
    if newest is not None and newest.batch_id and not _told(newest, ledger.find(newest.batch_id)):
        return False
    if last is None or last.snapshot is None or (newest is not None and last.snapshot <= newest.snapshot):
        return newest is None or last is None or last.snapshot != newest.snapshot or last.batch_id in _batches(newest)
    snapshots = commits.snapshots(connection)
    return last.snapshot not in snapshots and last.snapshot < max(snapshots, default=0)  # expired, not lost


def rows_there(connection: duckdb.DuckDBPyConnection, placed: Placed) -> bool:
    """Whether the lake holds the batch's rows all the same: raw its accepted ones, quarantine the others."""
    raw = 0
    if placed.accepted and tables.existing(connection, "raw", placed.dataset):
        raw = _count(connection, f"{table('raw', placed.dataset)} WHERE _batch = {literal(placed.batch_id)}")
    quarantined = (
        _count(connection, f"lake.quarantine.rows WHERE batch = {literal(placed.batch_id)}") if placed.quarantined else 0
    )
    return (raw, quarantined) == (placed.accepted, placed.quarantined)


def _told(commit: Commit, placed: Placed | None) -> bool:
    if placed is None or placed.snapshot is None or placed.snapshot < commit.snapshot:
        return False
    stamp = commit.receipts.get(commit.batch_id)
    return stamp is None or stamp.receipt.sha256 == placed.sha256


def _batches(commit: Commit) -> Iterator[str]:
    yield from (commit.batch_id, *commit.batches, *commit.receipts)


def _count(connection: duckdb.DuckDBPyConnection, which: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {which}").fetchone()
    return int(row[0]) if row else 0
