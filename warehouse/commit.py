"""What a lake snapshot says of itself: its batch and the whole outcome, so that the catalogue can be mended from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from contracts.deliveries import Fault, Outcome
from warehouse.connection import literal

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


def sign(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    batch_id: str,
    dataset: str,
    outcome: Outcome,
    batches: Mapping[str, Outcome] | None = None,
) -> None:
    """Name the running transaction; outside of one the message would be lost."""
    held = {batch: asdict(one) for batch, one in (batches or {}).items()}
    told = json.dumps(
        {"kind": kind, "batch": batch_id, "dataset": dataset, "outcome": asdict(outcome), "batches": held},
        ensure_ascii=False,
        default=str,
    )
    message = literal(f"{kind} {batch_id} {dataset}")
    connection.execute(f"CALL lake.set_commit_message({literal(AUTHOR)}, {message}, extra_info => {literal(told)})")


def snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """The newest snapshot; under the writer lock, right after a commit, that of the commit."""
    row = connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def commits(connection: duckdb.DuckDBPyConnection) -> list[Commit]:
    """Snapshots that hold a batch, an undo or a rebuild, oldest first; expired ones are gone."""
    found = connection.execute(
        f"""SELECT snapshot_id, commit_extra_info FROM ducklake_snapshots('lake')
        WHERE author = {literal(AUTHOR)} AND commit_extra_info IS NOT NULL ORDER BY snapshot_id"""
    ).fetchall()
    return [_commit(number, json.loads(told)) for number, told in found]


def _commit(number: int, told: Mapping[str, Any]) -> Commit:
    batches = {batch: _outcome(number, held) for batch, held in told.get("batches", {}).items()}
    outcome = _outcome(number, told["outcome"])
    return Commit(number, str(told["kind"]), str(told["batch"]), str(told["dataset"]), outcome, batches)


def _outcome(number: int, told: Mapping[str, Any]) -> Outcome:
    faults = [Fault(**fault) for fault in told.get("faults") or ()]
    return Outcome(**{**told, "faults": faults, "snapshot": number})
