"""What a lake snapshot says of itself: its batch and the whole outcome, so that the catalogue can be mended from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from contracts.deliveries import Answers, Entry, Fault, Outcome, Receipt
from contracts.sql import literal
from warehouse.storage import standing

AUTHOR = "hui"


@dataclass(frozen=True, slots=True)
class Commit:
    """One snapshot made by the hub: `kind` is load, undo or rebuild."""

    snapshot: int
    kind: str
    batch_id: str
    dataset: str
    outcome: Outcome
    batches: Mapping[str, Outcome] = field(default_factory=dict)
    """Of a rebuild: what became of each batch."""
    receipts: Mapping[str, Stamp] = field(default_factory=dict)
    """Receipt of each batch in it; empty in commits of versions before this was written."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A batch's receipt and place in the order, as the commit that loaded it carries them."""

    sequence: int
    receipt: Receipt


def sign(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    batch_id: str,
    dataset: str,
    outcome: Outcome,
    entries: Sequence[Entry],
    batches: Mapping[str, Outcome] | None = None,
) -> None:
    """Name the running transaction; outside of one the message would be lost.

    `entries` are the batches in it: with their receipts, the file's SHA-256 among them, a catalogue that lost them is mended.
    """
    receipts = {entry.batch_id: {"sequence": entry.sequence, **asdict(entry.receipt)} for entry in entries}
    stamps = {batch: asdict(one) for batch, one in (batches or {}).items()}
    stamp = json.dumps(
        {
            "kind": kind,
            "batch": batch_id,
            "dataset": dataset,
            "outcome": asdict(outcome),
            "batches": stamps,
            "receipts": receipts,
        },
        ensure_ascii=False,
        default=str,
    )
    message = literal(f"{kind} {batch_id} {dataset}")
    connection.execute(f"CALL lake.set_commit_message({literal(AUTHOR)}, {message}, extra_info => {literal(stamp)})")


def snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """The newest snapshot; under the writer lock, right after a commit, that of the commit."""
    row = connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def commits(connection: duckdb.DuckDBPyConnection) -> list[Commit]:
    """Snapshots that hold a batch, an undo or a rebuild, oldest first; expired ones are gone."""
    return _read(connection, "ORDER BY snapshot_id")


def newest(connection: duckdb.DuckDBPyConnection) -> Commit | None:
    """The last snapshot that holds a batch, an undo or a rebuild. Not inside a transaction (`standing.ask`)."""
    row = standing.ask(
        connection,
        f"""SELECT snapshot_id, commit_extra_info FROM ducklake_snapshot_changes WHERE author = {literal(AUTHOR)}
        AND commit_extra_info IS NOT NULL ORDER BY snapshot_id DESC LIMIT 1""",
    )
    return _commit(int(row[0][0]), json.loads(row[0][1])) if row else None


def of(connection: duckdb.DuckDBPyConnection, batch_id: str) -> Commit | None:
    """The snapshot that loaded a batch, unless it is expired."""
    listed = _read(connection, f"AND starts_with(commit_message, {literal(f'load {batch_id} ')}) ORDER BY snapshot_id LIMIT 1")
    return listed[0] if listed else None


def snapshots(connection: duckdb.DuckDBPyConnection) -> dict[int, datetime]:
    """Number and moment of every snapshot that is not expired, whoever made it."""
    rows = connection.execute("SELECT snapshot_id, snapshot_time FROM ducklake_snapshots('lake')").fetchall()
    return dict(rows)


def _read(connection: duckdb.DuckDBPyConnection, which: str) -> list[Commit]:
    rows = connection.execute(
        f"""SELECT snapshot_id, commit_extra_info FROM ducklake_snapshots('lake')
        WHERE author = {literal(AUTHOR)} AND commit_extra_info IS NOT NULL {which}"""
    ).fetchall()
    return [_commit(number, json.loads(info)) for number, info in rows]


def _commit(number: int, info: Mapping[str, Any]) -> Commit:
    batches = {batch: _outcome(number, placed) for batch, placed in info.get("batches", {}).items()}
    receipts = {batch: _stamp(placed) for batch, placed in info.get("receipts", {}).items()}
    outcome = _outcome(number, info["outcome"])
    return Commit(number, str(info["kind"]), str(info["batch"]), str(info["dataset"]), outcome, batches, receipts)


def _stamp(info: Mapping[str, Any]) -> Stamp:
    known = {name: value for name, value in info.items() if name in Receipt.__dataclass_fields__}
    known |= {"received_at": datetime.fromisoformat(info["received_at"]), "answers": Answers.of(info.get("answers"))}
    return Stamp(int(info["sequence"]), Receipt(**known))


def _outcome(number: int, info: Mapping[str, Any]) -> Outcome:
    faults = [Fault(**fault) for fault in info.get("faults") or ()]
    return Outcome(**{**info, "faults": faults, "snapshot": number})
