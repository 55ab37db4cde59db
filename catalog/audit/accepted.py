"""Findings of the audit chain that a person looked into and put on record: known, explained, and no alarm any more.

A head file that was lost, a catalogue that was brought back from a backup: the chain says so for ever. The finding becomes a
record of the chain itself, with the reason and the name of who gave it, and every later verification shows it as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from catalog.audit.chain import AuditRecord

ACTION = "audit.accept"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One act of putting findings on record."""

    sequence: int
    at: datetime
    actor: str
    reason: str
    faults: frozenset[tuple[str, int]]
    """Kind and place of each finding."""
    outside_until: int
    """The head file need not have seals up to this record; 0: it needs all."""
    seals: frozenset[tuple[str, str]]
    """Seals outside (record, hash) that are known not to agree with the chain."""


def listed(session: Session) -> list[Accepted]:
    """All acts, oldest first. That they were not written by somebody else is what the chain itself shows."""
    statement = (
        select(AuditRecord)
        .where(AuditRecord.action == ACTION, AuditRecord.outcome == "done")
        .order_by(col(AuditRecord.sequence))
    )
    return [_read(one) for one in session.exec(statement)]


def detail(reason: str, faults: Iterable[tuple[str, int, int]], seals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the record holds: findings as (kind, place, until), and the seals outside that do not agree."""
    known = list(faults)
    return {
        "reason": reason,
        "findings": [[kind, place] for kind, place, _ in known],
        "outside_until": max((until for kind, _, until in known if kind in OUTSIDE), default=0),
        "seals": [[str(one.get("last")), str(one.get("head"))] for one in seals],
    }


OUTSIDE = ("head-file", "witness")


def _read(record: AuditRecord) -> Accepted:
    detail = record.detail
    return Accepted(
        record.sequence,
        record.at,
        record.actor,
        str(detail.get("reason", "")),
        frozenset((str(kind), int(place)) for kind, place in detail.get("findings", [])),
        int(detail.get("outside_until", 0)),
        frozenset((str(last), str(head)) for last, head in detail.get("seals", [])),
    )
