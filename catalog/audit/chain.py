"""Audit: append-only, hash-chained, sealed in batches with an Ed25519 key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now

GENESIS = "0" * 64
"""What the first record names as the one before it."""


LONGEST = 500
"""Letters of a column: PostgreSQL indexes no more than 2,704 bytes, and a refusal must be on record whatever was asked for."""


class AuditRecord(SQLModel, table=True):
    """Who did what to which object, for which purpose, and which policies decided it."""

    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    actor: str = Field(index=True, description="login, key:<prefix>, local:<user>, system:<job> or anonymous")
    organization_id: str = ""
    action: str = Field(index=True)
    object: str = Field(default="", index=True)
    purpose: str = ""
    outcome: str = Field(default="done", description="done, allowed, refused or failed")
    policies: list[str] = Field(default_factory=list, sa_type=Json)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    previous: str
    hash: str


class AuditSeal(SQLModel, table=True):
    """An Ed25519 signature over the chain's head after `last` records."""

    last: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    head: str
    sealed_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    public_key: str
    signature: str


class AuditHead(SQLModel, table=True):
    """Where the chain ends: one row, whose lock puts all who write in one line."""

    id: int = Field(primary_key=True, default=1)
    last: int = 0
    hash: str = GENESIS


_TAKE = text(
    "INSERT INTO audithead (id, last, hash) VALUES (1, 1, :genesis) "
    "ON CONFLICT (id) DO UPDATE SET last = audithead.last + 1 RETURNING last, hash"
)
_PUT = text("UPDATE audithead SET hash = :hash WHERE id = 1")


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    object: str = "",
    purpose: str = "",
    outcome: str = "done",
    policies: Sequence[str] = (),
    detail: Mapping[str, Any] | None = None,
    organization_id: str = "",
) -> AuditRecord:
    """Add a record to the end of the chain, in the caller's transaction.

    Others who record wait until that transaction ends: call it last, or in a transaction of its own before long work.
    """
    taken = session.connection().execute(_TAKE, {"genesis": GENESIS}).one()
    kept = AuditRecord(
        sequence=int(taken[0]),
        at=now(),
        actor=_clean(actor)[:LONGEST],
        organization_id=_clean(organization_id)[:LONGEST],
        action=_clean(action)[:LONGEST],
        object=_clean(object)[:LONGEST],
        purpose=_clean(purpose)[:LONGEST],
        outcome=outcome,
        policies=[_clean(policy) for policy in policies],
        detail=_plain(detail or {}),
        previous=str(taken[1]),
        hash="",
    )
    kept.hash = digest(kept)
    session.add(kept)
    session.connection().execute(_PUT, {"hash": kept.hash})
    session.flush()
    return kept


def digest(kept: AuditRecord) -> str:
    """SHA-256 over a record's canonical JSON: sorted keys, no spaces, UTF-8, the moment in UTC with microseconds.

    The hash of the record before is part of it, so a change anywhere breaks every link after it.
    """
    told = {
        "sequence": kept.sequence,
        "at": kept.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": kept.actor,
        "organization_id": kept.organization_id,
        "action": kept.action,
        "object": kept.object,
        "purpose": kept.purpose,
        "outcome": kept.outcome,
        "policies": list(kept.policies),
        "detail": kept.detail,
        "previous": kept.previous,
    }
    canonical = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def listed(
    session: Session,
    *,
    actor: str = "",
    action: str = "",
    object: str = "",
    outcome: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[AuditRecord]:
    """Records, newest first; `before` is the sequence of the last one seen (keyset paging)."""
    asked = select(AuditRecord).order_by(col(AuditRecord.sequence).desc()).limit(limit)
    for column, wanted in ((AuditRecord.actor, actor), (AuditRecord.action, action), (AuditRecord.object, object)):
        if wanted:
            asked = asked.where(column == wanted)
    if outcome:
        asked = asked.where(AuditRecord.outcome == outcome)
    if since is not None:
        asked = asked.where(col(AuditRecord.at) >= since)
    if until is not None:
        asked = asked.where(col(AuditRecord.at) < until)
    if before is not None:
        asked = asked.where(col(AuditRecord.sequence) < before)
    return session.exec(asked).all()


def following(session: Session, *, action: str, object: str, after: int, limit: int) -> Sequence[AuditRecord]:
    """Records of one kind about one object, oldest first, after a sequence."""
    asked = select(AuditRecord).where(AuditRecord.action == action, AuditRecord.object == object)
    asked = asked.where(col(AuditRecord.sequence) > after).order_by(col(AuditRecord.sequence)).limit(limit)
    return session.exec(asked).all()


def head(session: Session) -> tuple[int, str]:
    """Sequence and hash of the last record; (0, GENESIS) before the first."""
    found = session.exec(select(AuditHead.last, AuditHead.hash)).first()
    return (found[0], found[1]) if found else (0, GENESIS)


def _plain(value: Any) -> Any:
    """The value as JSON gives it back, so that the hash of what is read equals the hash of what was written."""
    if isinstance(value, Mapping):
        return {_clean(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [_plain(inner) for inner in value]
    return _clean(str(value))


def _clean(text_: str) -> str:
    """Text that both databases keep as it is: no NUL, no half surrogates."""
    return str(text_).encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
