"""Audit: append-only, hash-chained, sealed in batches with an Ed25519 key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Required, TypedDict, Unpack, cast

from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime, no_items
from contracts.clock import now

GENESIS = "0" * 64
"""What the first record names as the one before it."""


DIGESTED = (
    "sequence", "at", "actor", "organization_id", "action", "object", "purpose", "outcome", "policies", "detail", "previous",
)  # fmt: skip
"""Fields that the hash of a record is made of."""
TEXTS = ("actor", "organization_id", "action", "object", "purpose")
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
    policies: list[str] = Field(default_factory=no_items, sa_type=Json)
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
    "INSERT INTO audithead (id, last, hash) VALUES (1, 0, :genesis) "
    "ON CONFLICT (id) DO UPDATE SET last = audithead.last RETURNING last, hash"
)
_PUT = text("UPDATE audithead SET last = :last, hash = :hash WHERE id = 1")


class Told(TypedDict, total=False):
    """What a record tells."""

    actor: Required[str]
    action: Required[str]
    object: str
    purpose: str
    outcome: str
    """"done", where nothing else is said."""
    policies: Sequence[str]
    detail: Mapping[str, Any]
    organization_id: str


def record(session: Session, **told: Unpack[Told]) -> AuditRecord:
    """Add a record to the end of the chain, in the caller's transaction.

    Others who record wait until that transaction ends: call it last, or in a transaction of its own before long work.
    A use of data, which many make at once, is recorded by `catalog.audit.groups`.
    """
    fields = draft(**told)
    append(session.connection(), [fields])
    entry = AuditRecord(**fields)
    make_transient_to_detached(entry)  # it is in the table already
    session.add(entry)
    return entry


Draft = dict[str, Any]
"""Fields of a record; those that say its place in the chain (sequence, at, previous, hash) come when it is appended."""


def draft(**told: Unpack[Told]) -> Draft:
    """A record that has no place in the chain yet."""
    said = cast("Mapping[str, str]", told)
    texts = {name: _clean(said.get(name, ""))[:LONGEST] for name in TEXTS}
    policies = [_clean(policy) for policy in told.get("policies", ())]
    return texts | {"outcome": told.get("outcome", "done"), "policies": policies, "detail": _plain(told.get("detail", {}))}


def take(connection: Connection) -> tuple[int, str]:
    """The chain's head (sequence and hash of its last record), held until the transaction ends."""
    taken = connection.execute(_TAKE, {"genesis": GENESIS}).one()
    return int(taken[0]), str(taken[1])


def append(connection: Connection, drafts: Sequence[Draft], taken: tuple[int, str] | None = None) -> None:
    """Give drafts their places at the end of the chain, one after another, in the caller's transaction, which holds the
    chain's head from now on (or has `taken` it already)."""
    last, previous = taken or take(connection)
    for fields in drafts:
        last += 1
        fields |= {"sequence": last, "at": now(), "previous": previous}
        fields["hash"] = previous = _digest(fields)
    connection.execute(insert(AuditRecord), drafts)
    connection.execute(_PUT, {"last": last, "hash": previous})


def digest(record: AuditRecord) -> str:
    """SHA-256 over a record's canonical JSON: sorted keys, no spaces, UTF-8, the moment in UTC with microseconds.

    The hash of the record before is part of it, so a change anywhere breaks every link after it.
    """
    return _digest({name: getattr(record, name) for name in DIGESTED})


def _digest(fields: Mapping[str, Any]) -> str:
    digested = {name: fields[name] for name in DIGESTED}
    digested["at"] = fields["at"].astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(digested, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
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
    statement = select(AuditRecord).order_by(col(AuditRecord.sequence).desc()).limit(limit)
    for column, wanted in ((AuditRecord.actor, actor), (AuditRecord.action, action), (AuditRecord.object, object)):
        if wanted:
            statement = statement.where(column == wanted)
    if outcome:
        statement = statement.where(AuditRecord.outcome == outcome)
    if since is not None:
        statement = statement.where(col(AuditRecord.at) >= since)
    if until is not None:
        statement = statement.where(col(AuditRecord.at) < until)
    if before is not None:
        statement = statement.where(col(AuditRecord.sequence) < before)
    return session.exec(statement).all()


def following(session: Session, *, action: str, object: str, after: int, limit: int) -> Sequence[AuditRecord]:
    """Records of one kind about one object, oldest first, after a sequence."""
    statement = select(AuditRecord).where(AuditRecord.action == action, AuditRecord.object == object)
    statement = statement.where(col(AuditRecord.sequence) > after).order_by(col(AuditRecord.sequence)).limit(limit)
    return session.exec(statement).all()


def head(session: Session) -> tuple[int, str]:
    """Sequence and hash of the last record; (0, GENESIS) before the first."""
    row = session.exec(select(AuditHead.last, AuditHead.hash)).first()
    return (row[0], row[1]) if row else (0, GENESIS)


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
