"""A second installation as witness: it keeps the seals of another hub's audit chain as records of its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.http.dependencies import SessionDep, SubjectDep
from catalog import access
from catalog.access.use import LARGEST
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.identity.people import Subject
from contracts.errors import HubError

router = APIRouter(prefix="/audit/witness", tags=["audit"])
ACTION = "audit.witness"
PAGE = 500


def auditor(session: SessionDep, subject: SubjectDep) -> Subject:
    """Who asks, if they may read the audit: decided before a body is looked at."""
    access.require(session, subject, "audit-read", None)
    return subject


AuditorDep = Annotated[Subject, Depends(auditor)]


class SealNotGenuine(HubError):
    """A seal whose signature does not hold."""

    def __init__(self, last: int) -> None:
        super().__init__(f"第 {last} 条处的封存签名无效，未收。", f"The seal at record {last} is not valid; nothing was kept.")


class Seal(BaseModel):
    """One seal of another hub."""

    last: int = Field(ge=1, le=2**53)
    head: str = Field(pattern=r"^[0-9a-f]{64}$")
    sealed_at: str = Field(default="", max_length=40)
    public_key: str = Field(max_length=100)
    signature: str = Field(max_length=200)


class Seals(BaseModel):
    """Seals, oldest first."""

    seals: list[Seal] = Field(max_length=PAGE)


class Kept(BaseModel):
    """What this hub was told by the caller's hub. `next`: for `after` of the next page; null at the end."""

    seals: list[dict[str, Any]]
    next: int | None


@router.post("", status_code=201, summary="Keep seals of another hub")
def keep(session: SessionDep, subject: AuditorDep, body: Seals) -> dict[str, int]:
    """Each becomes a record of this hub's chain. For auditors: the other installation holds an auditor's key of this one."""
    for one in body.seals:
        if not sealing.genuine(one.model_dump()):
            raise SealNotGenuine(one.last)
    for one in body.seals:
        audit.record(
            session,
            actor=subject.actor,
            organization_id=subject.organization_id,
            action=ACTION,
            object=_of(subject),
            detail=one.model_dump(),
        )
    return {"kept": len(body.seals)}


@router.get("", summary="Seals kept for your hub")
def told(session: SessionDep, subject: AuditorDep, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0) -> Kept:
    """What was told with this person's keys, oldest first."""
    records = audit.following(session, action=ACTION, object=_of(subject), after=after, limit=PAGE)
    return Kept(seals=[one.detail for one in records], next=records[-1].sequence if len(records) == PAGE else None)


def _of(subject: Subject) -> str:
    return f"witness:{subject.login}"
