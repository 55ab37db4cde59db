"""After a crash: what the lake holds is told to the catalogue, and what it does not hold is loaded from landing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from contracts.deliveries import Entry, Outcome
from contracts.errors import HubError
from warehouse import commit, tables
from warehouse.connection import exists, writer
from warehouse.finish import finish
from warehouse.ledger import Ledger, Lookups
from warehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One batch that was brought in order: `how` is told (the lake had it), loaded (from landing) or failed."""

    batch_id: str
    dataset: str
    how: str
    outcome: Outcome | None
    error: HubError | None = None


def reconcile(
    settings: Settings, ledger: Ledger, lookups: Lookups, *, dataset: str | None = None, wait: float = 600
) -> Sequence[Reconciled]:
    """Bring every batch that is received or being checked to its end, oldest first; the lake wins.

    Batches that a living process works on are safe: it holds the writer lock, and this waits for it.
    """
    if not exists(settings):
        return []
    with writer(settings, purpose="reconcile", wait=wait) as connection:
        commits = commit.commits(connection)
        _tell(ledger, commits)
        made = {made.batch_id: made for made in commits if made.kind == "load"}
        entries = [e for e in ledger.unsettled() if dataset in (None, e.receipt.dataset)]
        return [_one(settings, ledger, lookups, connection, entry, made.get(entry.batch_id)) for entry in entries]


def _tell(ledger: Ledger, commits: Sequence[commit.Commit]) -> None:
    """Undone batches, and what the newest rebuild of a dataset made of each; the ledger ignores what it knows."""
    newest = {made.dataset: made for made in commits}
    for made in newest.values():
        for batch_id, outcome in made.batches.items():
            ledger.settle(batch_id, outcome)
    for made in commits:
        if made.kind == "undo" and ledger.entry(made.batch_id).state != "undone":
            ledger.settle(made.batch_id, made.outcome)


def _one(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    made: commit.Commit | None,
) -> Reconciled:
    dataset = entry.receipt.dataset
    try:
        if made is None:
            return Reconciled(entry.batch_id, dataset, "loaded", finish(settings, ledger, lookups, connection, entry))
        outcome = replace(made.outcome, table_bytes=tables.size(connection, "resource", dataset))
        ledger.settle(entry.batch_id, outcome)
        return Reconciled(entry.batch_id, dataset, "told", outcome)
    except HubError as error:
        return Reconciled(entry.batch_id, dataset, "failed", None, error)
