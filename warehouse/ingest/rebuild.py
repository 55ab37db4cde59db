"""A dataset made anew from landing under its present contract, or altered where the new version only adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from contracts import progress
from contracts.deliveries import Answers, Entry, Outcome
from contracts.model import Contract
from warehouse.foreign.telling import CannotBeRead
from warehouse.ingest import corrections, merge, open_batch, process, quarantine, reconcile, stage
from warehouse.ingest import outcome as verdict
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.settings import Settings
from warehouse.storage import commits, landing, tables
from warehouse.storage.connection import table, writer
from warehouse.storage.failpoints import reach


def migrate(settings: Settings, _old: Contract, new: Contract) -> None:
    """Alter a dataset's tables for a version that only adds items; rows that are there have no value for them."""
    with landing.room_said(settings), writer(settings, purpose=f"migrate {new.dataset}") as connection:
        connection.execute("BEGIN")
        tables.make(connection, new)
        connection.execute("COMMIT")


def rebuild(settings: Settings, ledger: Ledger, lookups: Lookups, dataset: str) -> list[tuple[str, Outcome]]:
    """Check and load every accepted batch again, in order, from its landed bytes, under the active contract.

    Raw, resource and quarantine change in one lake transaction; released versions stay. A crash leaves the old tables.
    """
    reconcile.reconcile(settings, ledger, lookups, dataset=dataset)
    contract = lookups.contract(dataset)
    with landing.room_said(settings), writer(settings, purpose=f"rebuild {dataset}") as connection:
        agreed = ledger.agreed(dataset)
        history = [_answered(ledger.entry(past.batch_id), agreed) for past in ledger.history(dataset)]
        staged = [_staged(settings, lookups, contract, entry) for entry in history]
        try:
            loaded = _anew(connection, contract, history, staged)
        finally:
            for one in staged:
                if isinstance(one, stage.Stage):
                    one.tidy()
        size, snapshot = tables.size(connection, "resource", dataset), commits.snapshot(connection)
        outcomes = [(batch, replace(outcome, snapshot=snapshot, table_bytes=size)) for batch, outcome in loaded]
        reach("commit-after")
        for batch, outcome in outcomes:
            ledger.settle(batch, outcome)
    return outcomes


def _answered(entry: Entry, agreed: Answers) -> Entry:
    return replace(entry, receipt=replace(entry.receipt, answers=entry.receipt.answers.over(agreed)))


def _staged(settings: Settings, lookups: Lookups, contract: Contract, entry: Entry) -> stage.Stage | Outcome:
    try:
        return open_batch.read(settings, lookups, process.meaning(contract, entry), entry)
    except verdict.Refused as refused:
        if isinstance(refused.__cause__, CannotBeRead):  # no verdict on rows that were accepted: a slow hour, a small limit
            raise refused.__cause__ from refused
        return refused.outcome


def _anew(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    history: Sequence[Entry],
    staged: Sequence[stage.Stage | Outcome],
) -> list[tuple[str, Outcome]]:
    connection.execute("BEGIN")
    for library in ("raw", "resource"):
        connection.execute(f"DROP TABLE IF EXISTS {table(library, contract.dataset)}")
    tables.make(connection, contract)
    loaded = []
    for entry, one in zip(history, staged, strict=True):
        progress.reached("loading", entry.received)
        quarantine.forget(connection, entry.batch_id)
        corrections.forget(connection, entry.batch_id)
        outcome = one if isinstance(one, Outcome) else _loaded(connection, one, entry)
        loaded.append((entry.batch_id, outcome))
    last = loaded[-1][1] if loaded else Outcome(state="loaded")
    newest = history[-1].batch_id if history else ""
    commits.sign(connection, "rebuild", newest, contract.dataset, last, entries=history, batches=dict(loaded))
    reach("commit-before")
    for one in staged:
        if isinstance(one, stage.Stage):
            one.committing = True
    connection.execute("COMMIT")
    return loaded


def _loaded(connection: duckdb.DuckDBPyConnection, staged: stage.Stage, entry: Entry) -> Outcome:
    """What a batch adds; those that it replaced when it came are taken out again."""
    delta, outcome = process.judge(connection, staged, entry, entry.replaces)
    quarantine.keep(connection, staged)
    if outcome.state in ("refused", "returned"):
        return outcome
    merge.into_raw(connection, staged)
    merge.into_resource(connection, staged, delta)
    return replace(outcome, mended=corrections.keep(connection, staged, entry))
