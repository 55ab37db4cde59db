"""Taking a batch back: what the table would hold had the batch never come. Versions already released stay as they are."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from contracts.checks.compile import compile
from contracts.deliveries import Entry, Outcome
from contracts.doubts import answered
from contracts.errors import HubError
from contracts.model import Contract, Delivery
from contracts.sql import identifier, literal
from warehouse.ingest import corrections, reconcile, replay
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.settings import Settings
from warehouse.storage import commits, landing, tables
from warehouse.storage.connection import table, writer
from warehouse.storage.failpoints import reach

UNDOABLE = ("loaded", "partial", "corrected")


class NothingToUndo(HubError):
    """The batch has no rows in the lake."""


class UndoRefused(HubError):
    """Without the batch the table would break its contract."""


def undo(settings: Settings, ledger: Ledger, lookups: Lookups, batch_id: str, reason: str = "") -> Outcome:
    """Take the batch's rows out of the resource and bring back what they replaced or removed; raw keeps them.

    `reason` stays with the batch, where its sender reads it.
    """
    reconcile.reconcile(settings, ledger, lookups, dataset=ledger.entry(batch_id).receipt.dataset)
    entry = _undoable(ledger, batch_id)
    dataset = entry.receipt.dataset
    contract = answered(lookups.contract(dataset), ledger.agreed(dataset))
    with landing.room_said(settings), writer(settings, purpose=f"undo {batch_id}") as connection:
        entry = _undoable(ledger, batch_id)  # who waited for the writer may come after another undo
        history = [past for past in ledger.history(dataset) if past.batch_id != batch_id]
        connection.execute("BEGIN")
        outcome = _without(connection, contract, history, entry)
        corrections.forget(connection, batch_id)
        outcome = replace(outcome, reason=reason, mended=corrections.mended(connection, entry.corrected))
        commits.sign(connection, "undo", batch_id, dataset, outcome, entries=[entry])
        reach("undo")
        connection.execute("COMMIT")
        outcome = replace(
            outcome, snapshot=commits.snapshot(connection), table_bytes=tables.size(connection, "resource", dataset)
        )
        reach("commit-after")
        ledger.settle(batch_id, outcome)
    return outcome


def _undoable(ledger: Ledger, batch_id: str) -> Entry:
    entry = ledger.entry(batch_id)
    if entry.state not in UNDOABLE:
        raise NothingToUndo(
            f"批次 {batch_id} 的状态是 {entry.state}，没有可撤销的入库数据。",
            f"Batch {batch_id} is {entry.state}; it has nothing in the lake to undo.",
        )
    return entry


def _without(connection: duckdb.DuckDBPyConnection, contract: Contract, history: list[Entry], entry: Entry) -> Outcome:
    batch = entry.batch_id
    if contract.delivery is Delivery.APPEND:
        removed, added = replay.series(connection, contract, history, entry)
    else:
        keys = "" if contract.delivery is Delivery.FULL else _touched(connection, contract, batch)
        replay.target(connection, contract, history, keys)
        removed, added = replay.bring_to_target(connection, contract, keys)
        _still_unique(connection, contract, batch)
    return Outcome(
        state="undone",
        received=entry.received,
        accepted=entry.accepted,
        quarantined=entry.quarantined,
        unchanged=entry.accepted,
        message=f"批次已撤销：移出 {removed:,} 行，恢复 {added:,} 行。",
        message_en=f"The batch is undone: {removed:,} taken out, {added:,} brought back (rows).",
        table_rows=tables.count(connection, "resource", contract.dataset),
    )


def _touched(connection: duckdb.DuckDBPyConnection, contract: Contract, batch: str) -> str:
    """Keys whose present row came from the batch; every other key would be the same without it."""
    keys = ", ".join(map(identifier, contract.key))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE touched AS SELECT {keys} FROM {table("resource", contract.dataset)}
        WHERE _batch = {literal(batch)}"""
    )
    return "touched"


def _still_unique(connection: duckdb.DuckDBPyConnection, contract: Contract, batch: str) -> None:
    for check in compile(contract):
        if check.rule != "unique":
            continue
        own = identifier(check.item)
        twice = connection.execute(
            f"""SELECT CAST({own} AS VARCHAR) FROM {table("resource", contract.dataset)} WHERE {own} IS NOT NULL
            GROUP BY {own} HAVING count(*) > 1 LIMIT 1"""
        ).fetchone()
        if twice:
            title = contract.item(check.item).title or check.item
            value = ("", "a value") if check.private else (f" {twice[0]}", twice[0])
            raise UndoRefused(
                f"不能撤销批次 {batch}：撤销后“{title}”会有重复值{value[0]}（后来的批次已使用该值）。请先撤销那一批。",
                f"Batch {batch} cannot be undone: {check.item} would hold {value[1]} twice, a later batch uses it. "
                "Undo that batch first.",
            )
