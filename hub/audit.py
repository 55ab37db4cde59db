"""The record of everything, as auditors work with it: looked through, verified, its findings put on record, sealed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.access.use import LARGEST
from catalog.audit import accepted, sealing, witness
from catalog.audit import chain as audit
from catalog.audit.chain import AuditRecord
from catalog.audit.sealing import Verification
from catalog.identity.people import Subject
from contracts.clock import zone
from contracts.errors import HubError
from hub.acts import act, doing
from hub.hub import Hub
from warehouse.settings import Settings

READ, SEAL = "audit-read", "seal-audit"
OBJECT = "audit"


class ListAudit(BaseModel):
    """Which records: all filters hold together, an empty one lets everything through."""

    actor: str = Field(default="", max_length=500, description="login, key:<prefix>, local:<user>, system:<job>, anonymous")
    action: str = Field(default="", max_length=500, examples=["release"], description="An act's name, or authenticate, …")
    object: str = Field(default="", max_length=500, examples=["enterprise_registration v3"])
    outcome: str = Field(default="", max_length=20, description="done, allowed, refused or failed")
    since: date | None = Field(default=None, description="First day.")
    until: date | None = Field(default=None, description="Last day.")
    before: int | None = Field(default=None, ge=1, le=LARGEST, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=500)


class VerifyAudit(BaseModel):
    """The whole chain, every seal, and what stands outside the database."""


class AcceptAudit(BaseModel):
    """The findings of a verification made now, and what was found out about them."""

    reason: str = Field(max_length=2000, pattern=r"\S", examples=["2026-03-02 由备份恢复，丢失的 12 条已核对"])


class SealAudit(BaseModel):
    """The head of the chain, now."""


class Record(BaseModel):
    """One record of the chain."""

    sequence: int
    at: datetime
    actor: str
    organization_id: str
    action: str
    object: str
    purpose: str
    outcome: str
    policies: list[str]
    detail: dict[str, Any]
    hash: str


class Records(BaseModel):
    """Records, newest first. `next`: for `before` of the next page; null at the end."""

    records: list[Record]
    next: int | None


class Fault(BaseModel):
    """One fault of the chain, and where."""

    kind: str
    sequence: int
    until: int
    message: str
    message_en: str


class OnRecord(BaseModel):
    """Findings that somebody looked into and put on record."""

    sequence: int
    at: datetime
    actor: str
    reason: str
    faults: int


class Verified(BaseModel):
    """What a verification found."""

    good: bool
    records: int
    head: str
    seals: int
    last_sealed: int
    at: datetime
    findings: list[Fault]
    accepted: list[OnRecord]


class Sealed(BaseModel):
    """The seal made. `last`: up to which record; null where nothing was new."""

    last: int | None
    head: str


class NothingToAccept(HubError):
    """The chain is whole, but for what is on record already."""

    def __init__(self) -> None:
        super().__init__("没有需要登记的问题：审计链完整。", "There is nothing to put on record: the chain is whole.")


@act(
    "audit.list",
    policy=READ,
    zh="查阅审计记录",
    en="look through the audit",
    api="GET /audit",
    cli="audit list",
    portal="/audit",
)
def list_records(hub: Hub, subject: Subject, given: ListAudit) -> Records:
    """Records, newest first, by who, what, on what, with which outcome, when. Looking is on record itself."""
    with doing(hub, subject, "audit.list", about=OBJECT) as deed:
        filters = given.model_dump(exclude={"since", "until"})
        rows = audit.listed(
            deed.session,
            **filters,
            since=_begin(given.since),
            until=_begin(given.until + timedelta(days=1) if given.until else None),
        )
        deed.detail = given.model_dump(mode="json", exclude_defaults=True)
        full = len(rows) == given.limit
        return Records(records=[_record(row) for row in rows], next=rows[-1].sequence if full and rows else None)


@act(
    "audit.verify",
    policy=READ,
    zh="校验审计链",
    en="verify the audit chain",
    api="POST /audit/verify",
    cli="audit verify",
    portal="/audit",
)
def verify(hub: Hub, subject: Subject, given: VerifyAudit) -> Verified:
    """Read the whole chain, every seal, head file and witness; say what was changed, removed or reordered, and where."""
    with doing(hub, subject, "audit.verify", about=OBJECT) as deed:
        verification = _verification(deed.session, hub.settings)
        deed.pause()  # what was read is let go before anything is written
        sealing.note(deed.session, verification)
        deed.detail = {"good": verification.good, "records": verification.records, "findings": len(verification.findings)}
        return _verified(verification)


@act(
    "audit.accept",
    policy=READ,
    zh="登记审计链的问题",
    en="put findings of the audit chain on record",
    api="POST /audit/accept",
    cli="audit accept",
    portal="/audit",
)
def accept(hub: Hub, subject: Subject, given: AcceptAudit) -> Verified:
    """Put the findings of a verification on record with the reason: known from then on, shown as such, no alarm any more."""
    with doing(hub, subject, "audit.accept", about=OBJECT) as deed:
        verification = _verification(deed.session, hub.settings)
        if verification.good:
            raise NothingToAccept
        deed.pause()
        deed.detail = sealing.acceptance(verification, given.reason)
    with hub.session() as session:
        sealing.seal(session, hub.settings.audit_key, hub.settings.audit_head)  # so that it stands
    with hub.session() as session:
        verification = _verification(session, hub.settings)
    with hub.session() as session:
        sealing.note(session, verification)
    return _verified(verification)


@act(
    "audit.seal",
    policy=SEAL,
    zh="封存审计链",
    en="seal the audit chain",
    api="POST /audit/seal",
    cli="audit seal",
    portal="/audit",
)
def seal(hub: Hub, subject: Subject, given: SealAudit) -> Sealed:
    """Sign the head of the chain now, and append it to the file outside the database; the hub does so each minute by itself."""
    with doing(hub, subject, "audit.seal", about=OBJECT) as deed:
        new_seal = sealing.seal(deed.session, hub.settings.audit_key, hub.settings.audit_head)
        last, head = (new_seal.last, new_seal.head) if new_seal else (None, audit.head(deed.session)[1])
        deed.detail = {"last": last}
        return Sealed(last=last, head=head)


def tell_witness(hub: Hub) -> None:
    """Hand seals on to the witness now, where there is one. Errors: WitnessUnreachable; it is told later, then."""
    named = witness.witness_of(hub.settings.audit_witness, hub.settings.audit_witness_key)
    if named is not None:
        with hub.session() as session:
            witness.tell(session, named)


def _verification(session: Session, settings: Settings) -> Verification:
    public = settings.audit_key.with_suffix(".pub")
    own = public.read_text(encoding="ascii").strip() if public.exists() else ""
    named = witness.witness_of(settings.audit_witness, settings.audit_witness_key)
    return sealing.verify(session, own, settings.audit_head, named.read() if named is not None else None)


def _verified(verification: Verification) -> Verified:
    return Verified(
        good=verification.good,
        records=verification.records,
        head=verification.head,
        seals=verification.seals,
        last_sealed=verification.last_sealed,
        at=verification.at,
        findings=[
            Fault(kind=one.kind, sequence=one.sequence, until=one.until, message=one.message, message_en=one.message_en)
            for one in verification.findings
        ],
        accepted=[_on_record(one) for one in verification.accepted],
    )


def _on_record(one: accepted.Accepted) -> OnRecord:
    return OnRecord(sequence=one.sequence, at=one.at, actor=one.actor, reason=one.reason, faults=len(one.faults))


def _record(row: AuditRecord) -> Record:
    return Record(**row.model_dump(exclude={"previous"}))


def _begin(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=zone()) if day else None
