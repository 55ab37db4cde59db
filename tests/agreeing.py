"""Agreements for tests, written down flat: each field goes to the common part, the route's terms or the channel."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlmodel import Session

from catalog import workflow
from catalog.acquisition import agreements, deadlines, negotiation, requests
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
    entered = negotiation.enter(session, made, BY, agencies=agencies, number=number)
    entered.state = state
    if entered.request is not None and state != "drafted":
        entered.request.turn_due, entered.request.sent_on = None, entered.needed_on
        entered.request.answer_due = entered.request.answer_due or agreements.answer_due(session, entered)
        entered.request.answer = "accept" if state == "answered" else ""
    if state in agreements.IN_FORCE:
        entered.steward_signed_on = entered.provider_signed_on = entered.signed_on
    session.add(entered)
    session.flush()
    deadlines.bring_up(session, entered.dataset)
    return entered


def answered(session: Session, made: Agreement, on: date, text: str = "同意", *, accepted: bool = True) -> Agreement:
    """The asked body's answer to a request, with the consent of its head."""
    decision = "accept" if accepted else "refuse"
    requests.answer(session, made, BY, decision=decision, text=text, without=(), on=on)
    told = {"head": "李强", "document": "", "text": ""}
    return requests.consent(session, made, BY, (workflow.PROVIDER,), given=True, on=on, **told)


def signed(session: Session, made: Agreement, on: date, valid_until: date | None = None) -> Agreement:
    """Both sides sign on one day."""
    return negotiation.sign(session, made, BY, on=on, valid_until=valid_until)


def set_channel(session: Session, made: Agreement, channel: dict[str, Any]) -> None:
    """The agreement's only channel."""
    agreements.set_channels(session, made, [channel])
