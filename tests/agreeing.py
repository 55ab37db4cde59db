"""Agreements for tests, written down flat: each field goes to the common part, the route's terms or the channel."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlmodel import Session

from catalog.acquisition import agreements, deadlines, negotiation
from catalog.acquisition.agreements import Agreement, AgreementChannel
from catalog.acquisition.terms import TERMS
from catalog.identity.people import Subject, system_subject

BY: Subject = system_subject("test")


def flat(**told: Any) -> Agreement:
    """An agreement from flat fields; `channel` is its only one."""
    channel, known = told.pop("channel", None), TERMS.get(told["route"])
    fields = set(known[1].model_fields) - {"agreement_id"} if known else set()
    own = {field: told.pop(field) for field in fields & set(told)}
    made = Agreement(**told)
    if known:
        setattr(made, known[0], known[1](agreement_id=made.id or "", **own))
    if channel:
        made.channels = [AgreementChannel.of(1, channel, made.id or "")]
    return made


def enter(session: Session, *, agencies: Iterable[str] = (), **told: Any) -> Agreement:
    """A need, entered as the rules have it; one that is further on is then set to where it is."""
    made = flat(**told)
    state, number = made.state or "needed", made.id or ""
    made.state = "needed"
    entered = negotiation.enter(session, made, BY, agencies=agencies, number=number)
    entered.state = state
    if state in agreements.IN_FORCE:
        entered.steward_signed_on = entered.provider_signed_on = entered.signed_on
    session.add(entered)
    session.flush()
    deadlines.bring_up(session, entered.dataset)
    return entered


def signed(session: Session, made: Agreement, on: date, valid_until: date | None = None) -> Agreement:
    """Both sides sign on one day."""
    return negotiation.sign(session, made, BY, on=on, valid_until=valid_until)


def set_channel(session: Session, made: Agreement, channel: dict[str, Any]) -> None:
    """The agreement's only channel."""
    agreements.set_channels(session, made, [channel])
