"""One-time links by which a body without an account answers a request, or signs it. Only a token's hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.acquisition import agreements, negotiation
from catalog.acquisition.agreements import Agreement
from catalog.identity import organizations
from catalog.identity.people import Subject
from catalog.store.column_types import UtcDateTime
from catalog.workflow import STEWARD
from contracts.clock import now, today
from contracts.errors import HubError

MOST_DAYS = 90
OPENS = ("needed", "incomplete", "accepted")
"""States in which there is something to answer or to sign."""


class AnswerLink(SQLModel, table=True):
    """The link of a request; each has one at most."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    token_hash: str = Field(unique=True, index=True)
    expires_on: date
    made_by: str
    made_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class LinkOver(HubError):
    """A link that opens nothing, or no more."""

    def __init__(self) -> None:
        super().__init__(
            "此链接已使用、已到期或已被新的链接取代；请向来函单位索取新的链接。",
            "This link was used, has expired, or was replaced by a newer one; ask whoever sent it for a new one.",
        )


def make(session: Session, agreement: Agreement, by: Subject, *, days: int) -> tuple[str, AnswerLink]:
    """A new link's token, shown once; the one before opens nothing any more."""
    negotiation.require(agreement, "need.link")
    use(session, agreement.id)
    token = secrets.token_urlsafe(32)
    link = AnswerLink(
        agreement_id=agreement.id, token_hash=_hash(token), expires_on=today() + timedelta(days=days), made_by=by.actor
    )
    session.add(link)
    detail = {"valid_until": ["", f"{link.expires_on}"]}
    negotiation.taken(session, agreement, "need.link", by, day=today(), side=STEWARD, detail=detail)
    return token, link


def opened(session: Session, token: str) -> tuple[Agreement, Subject]:
    """The request that a link opens, and who comes by it: the asked body, for this one request. Errors: LinkOver."""
    link = session.exec(select(AnswerLink).where(AnswerLink.token_hash == _hash(token))).first()
    if link is None or link.expires_on < today():
        raise LinkOver
    agreement = agreements.get(session, link.agreement_id)
    if agreement.state not in OPENS:
        raise LinkOver
    body = organizations.get(session, agreement.provider_id)
    subject = Subject(
        f"link:{agreement.id}", body.name, body.id, kind="link", name_en=body.name_en or body.name, agreement=agreement.id
    )
    return agreement, subject


def use(session: Session, agreement_id: str) -> None:
    """The link of a request opens nothing any more."""
    session.connection().execute(delete(AnswerLink).where(col(AnswerLink.agreement_id) == agreement_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
