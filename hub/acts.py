"""What an act is: who may, the deed, its record. One function each in this room; `ACTS` is the table of them all."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError
from sqlmodel import Session

from catalog import access, workflow
from catalog.access import Decision, Refused, compiled
from catalog.acquisition import agreements, steps
from catalog.acquisition.agreements import Agreement, UnknownAgreement
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.entries.resources import Resource, UnknownResource
from catalog.identity.people import Subject
from contracts.errors import HubError
from hub.hub import Hub

Request = TypeVar("Request", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)
Does = Callable[[Hub, Subject, Request], Result]
Withdraws = Callable[[Hub, Subject, str], None]
"""Tidies up after a cancelled job of that number, whose process is gone."""
ABSENT = "—"
"""Begins what stands in the place of a door that an act does not have: the reason."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person can do. `name` is its word in the audit; `policy` the action that the Cedar policies are asked.

    `api` ("POST /resources/{resource}/grants"), `cli` ("release recall") and `portal` (address of its page) say where it is
    offered; where it is not, they say why, after ABSENT. `secret`: what it gives is shown once and kept nowhere.
    `streams`: it takes or gives a file, so that the doors' own code brings it to and fro. `long`: pages and programs do not
    wait for it, it becomes a job (`hub.jobs`): `may` refuses beforehand, where that depends on more than its resource, and
    `withdraws` tidies up after one that was cancelled half-way. `ends`: it may end somebody's right to data; it is told done
    when no answer that rests on such a right leaves any more, in any process (`catalog.access.compiled`).
    """

    name: str
    policy: str
    title: tuple[str, str]
    api: str
    cli: str
    portal: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    does: Callable[[Hub, Subject, Any], BaseModel]
    secret: bool = False
    streams: bool = False
    long: bool = False
    may: Callable[[Hub, Subject, Any], None] | None = None
    withdraws: Withdraws | None = None
    ends: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Fields of what it takes that stand in its address at the API."""
        return tuple(re.findall(r"\{(\w+)\}", self.api))


ACTS: dict[str, Act] = {}
"""Every act by its name; complete once `hub.table` is imported."""


def act(
    name: str,
    *,
    policy: str,
    zh: str,
    en: str,
    api: str,
    cli: str,
    portal: str,
    secret: bool = False,
    streams: bool = False,
    long: bool = False,
    may: Callable[[Hub, Subject, Any], None] | None = None,
    withdraws: Withdraws | None = None,
    ends: bool = False,
) -> Callable[[Does[Request, Result]], Does[Request, Result]]:
    """Put a function into the table of acts."""

    def enter(does: Does[Request, Result]) -> Does[Request, Result]:
        assert name not in ACTS, name  # noqa: S101 - a fault of ours
        hints = get_type_hints(does)
        takes, gives = hints["given"], hints["return"]
        ACTS[name] = Act(
            name, policy, (zh, en), api, cli, portal, takes, gives, does, secret, streams, long, may, withdraws, ends
        )
        return does

    return enter


@dataclass
class Deed:
    """An act that was allowed and is under way: its transaction, and what will stand in its record."""

    session: Session
    act: Act
    subject: Subject
    decision: Decision
    entry: Resource | None
    object: str
    purpose: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    agreed: Agreement | None = None

    @property
    def agreement(self) -> Agreement:
        """The agreement that it is about."""
        assert self.agreed is not None  # noqa: S101 - other acts have none
        return self.agreed

    @property
    def resource(self) -> Resource:
        """The resource that it is about."""
        assert self.entry is not None  # noqa: S101 - acts about the hub itself have none
        return self.entry

    def pause(self) -> None:
        """End the transaction before long work in the lake; the record is written in the next one."""
        self.session.commit()


class InvalidInput(HubError):
    """What an act was given is not what it takes."""

    def __init__(self, error: ValidationError) -> None:
        self.error = error
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        super().__init__(f"参数有误：{faults}", f"Wrong parameters: {faults}")


def given(takes: type[Request], **values: Any) -> Request:
    """The input of an act, from a command or a form. Errors: InvalidInput."""
    try:
        return takes(**values)
    except ValidationError as error:
        raise InvalidInput(error) from None


@contextmanager
def doing(
    hub: Hub,
    subject: Subject,
    name: str,
    resource: str = "",
    *,
    agreement: str = "",
    about: str = "",
    policy: str = "",
    sender_id: str | None = None,
) -> Iterator[Deed]:
    """Decide, let the block do it, put it on record, in one transaction; a refusal is on record in one of its own.

    `agreement`: its number, where the act is about one; who took a step that is kept apart from this one (catalog.workflow)
    is refused. `about`: what the record names, where it is not the resource. `policy`: another action to ask the policies for
    than the act's (one's own account is not another's). `sender_id`: the organization that sent the batch in question.
    What the subject may not know of is not there: UnknownResource, UnknownAgreement. Refused where no policy allows it.
    """
    one = ACTS[name]
    with _refusals(hub, one, about), hub.session() as session:
        entry = known(session, subject, resource) if resource else None
        agreed = known_agreement(session, subject, agreement) if agreement else None
        submitter = agreed is not None and steps.took_part(session, agreed.id, workflow.apart(name), subject)
        decision = access.require(
            session, subject, policy or one.policy, agreed or entry, sender_id=sender_id, submitter=submitter
        )
        named = f"agreement:{agreement}" if agreement else resource
        deed = Deed(session, one, subject, decision, entry, object=about or named or "hub", agreed=agreed)
        yield deed
        audit.record(
            session,
            actor=subject.actor,
            organization_id=subject.organization_id,
            action=one.name,
            object=deed.object,
            purpose=deed.purpose,
            policies=deed.decision.policies,
            detail=deed.detail | ({"job": hub.job} if hub.job else {}) | subject.door,
        )
    if one.ends:
        time.sleep(compiled.HELD_SECONDS)


def require(hub: Hub, subject: Subject, name: str, resource: str = "", *, sender_id: str | None = None) -> None:
    """Refuse, on record, who may not do it, before anything is taken from them (a file). Errors: UnknownResource, Refused."""
    one = ACTS[name]
    with _refusals(hub, one, ""), hub.session() as session:
        entry = known(session, subject, resource) if resource else None
        access.require(session, subject, one.policy, entry, sender_id=sender_id)


def require_beforehand(hub: Hub, subject: Subject, name: str, given: BaseModel) -> None:
    """Refuse, on record, who may not do a long act, when it is asked for."""
    one = ACTS[name]
    if one.may is not None:
        one.may(hub, subject, given)
    else:
        require(hub, subject, name, getattr(given, "resource", ""))


def known(session: Session, subject: Subject, resource: str) -> Resource:
    """The resource, if the subject may know of it; otherwise it is as if it were not there."""
    entry = resources.get(session, resource)
    if not access.may(session, subject, "discover", entry):
        raise UnknownResource(resource)
    return entry


def known_agreement(session: Session, subject: Subject, number: str) -> Agreement:
    """The agreement, if the subject may know of it; otherwise it is as if it were not there."""
    agreement = agreements.get(session, number)
    if not access.may(session, subject, "see-agreement", agreement):
        raise UnknownAgreement(number)
    return agreement


@contextmanager
def _refusals(hub: Hub, one: Act, about: str) -> Iterator[None]:
    """A refusal inside is on record, in a transaction of its own: that of the act was rolled back."""
    try:
        yield
    except Refused as refusal:
        with hub.session() as session:
            audit.record(
                session,
                actor=refusal.subject.actor,
                organization_id=refusal.subject.organization_id,
                action=one.name,
                object=about or refusal.thing,
                outcome="refused",
                policies=refusal.decision.policies,
                detail=dict(hub.where) | refusal.subject.door,
            )
        refusal.on_record = True
        raise
