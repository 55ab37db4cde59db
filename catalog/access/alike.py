"""Decisions on many entries at once: those of which a decision knows the same are decided alike, each kind of them once.

A list of a hundred thousand entries cannot ask the policies for each. tests/catalog/overview/test_shared.py holds this and
`decide` together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, cast, func
from sqlmodel import Session, col, select

from catalog.access import views
from catalog.access.decision import Circumstances, bought, entities_of, may, request_of, resource_entity
from catalog.access.grants import Grant, is_live
from catalog.access.likeness import Given, Held, Like
from catalog.access.policy_set import rule_book
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry
from catalog.identity.people import Subject
from contracts import clock
from contracts.model import Contract, Item, Type

ANOTHER = "another"
"""Provider of all entries that are not of the subject's own organization: the policies ask no more of a provider."""
Kinds = Mapping[str, Sequence[str]]
"""Names of a contract's items by their kind (`search_index.kinds_of`)."""


def provider_of(subject: Subject, provider_id: str) -> str:
    """A provider as a decision knows it."""
    return provider_id if provider_id and provider_id == subject.organization_id else ANOTHER


def kinds_in(kinds: Kinds, grant: Held | None) -> frozenset[tuple[str, bool, bool]]:
    """What a decision knows of an entry's items."""
    if grant is None or not (grant.items or grant.masks):
        return frozenset((kind, False, False) for kind in kinds)
    items, masks = set(grant.items), set(grant.masks)
    return frozenset((kind, name in items, name in masks) for kind, names in kinds.items() for name in names)


def given(grant: Held | None, at: datetime) -> Given | None:
    """What a decision at a moment knows of a grant."""
    if grant is None:
        return None
    ends = grant.expires_at
    over = ends is not None and int(at.timestamp()) >= int(ends.timestamp())
    return Given(is_live(grant, at), over, grant.revoked_at is not None, bool(grant.items), bool(grant.row_filter))


def grants_of(session: Session, subject: Subject, at: datetime) -> dict[str, Held]:
    """By entry, the grant on which a use by the subject would rest (`grants.live_grant`)."""
    if not subject.organization_id:
        return {}
    columns: Any = (Grant.resource_id, Grant.items, Grant.masks, Grant.row_filter, Grant.expires_at, Grant.revoked_at)
    asked = select(*columns).where(Grant.organization_id == subject.organization_id)
    found: dict[str, Held] = {}
    for name, *known in session.exec(asked.order_by(col(Grant.granted_at).desc())):
        one = Held(*known)
        if name not in found or (is_live(one, at) and not is_live(found[name], at)):
            found[name] = one
    return found


def held_by(subject: Subject) -> Any:
    """Entries for which the subject's organization holds, or held, a grant: a subquery."""
    return select(Grant.resource_id).where(Grant.organization_id == subject.organization_id)


def redistributed() -> Any:
    """Datasets that were bought and may be passed on, by every purchase that feeds them: a subquery."""
    asked = select(Agreement.dataset).join(PurchaseTerms).where(Agreement.route == "buy").group_by(col(Agreement.dataset))
    return asked.having(func.min(cast(PurchaseTerms.redistribution, Integer)) == 1)


def decided(session: Session, subject: Subject, action: str, likes: Sequence[Like], at: datetime) -> list[bool]:
    """Whether the subject may use the data of entries of each kind, as `decide` would have it of each entry."""
    who = entities_of(session, subject)
    cases = [_Case(subject, action, like, f"{number}", at) for number, like in enumerate(likes)]
    answers = rule_book().ask([one.request for one in cases], [*who, *(one.entity for one in cases)])
    return [allowed and one.shows(policies, who) for one, (allowed, policies) in zip(cases, answers, strict=True)]


def may_each(session: Session, subject: Subject, action: str, resources: Sequence[Resource]) -> list[bool]:
    """Whether the subject may use the data of each of these entries: as many statements for one as for all."""
    at, ids = clock.now(), [one.id for one in resources]
    asked = select(SearchEntry.resource_id, SearchEntry.item_kinds).where(col(SearchEntry.resource_id).in_(ids))
    kinds: dict[str, Kinds] = {name: known for name, known in session.exec(asked) if known}
    held = grants_of(session, subject, at)
    passed_on = set(session.exec(redistributed())) if any(map(bought, resources)) else set()
    known = [one for one in resources if one.id in kinds]
    likes = {one.id: _like(subject, one, kinds[one.id], held.get(one.id), passed_on, at) for one in known}
    each = list(dict.fromkeys(likes.values()))
    answers = dict(zip(each, decided(session, subject, action, each, at), strict=True))
    return [answers[likes[one.id]] if one.id in likes else may(session, subject, action, one) for one in resources]


def _like(subject: Subject, one: Resource, kinds: Kinds, grant: Held | None, passed_on: set[str], at: datetime) -> Like:
    return Like(
        provider_id=provider_of(subject, one.provider_id), kind=one.kind, library=str(one.library), route=str(one.route),
        sharing=int(one.sharing), grade=one.grade, category=one.category, state=one.state,
        redistribution=bought(one) and one.name in passed_on, items=kinds_in(kinds, grant), given=given(grant, at),
    )  # fmt: skip


class _Case:
    """One kind of entry, put to the policies as if it were an entry."""

    def __init__(self, subject: Subject, action: str, like: Like, number: str, at: datetime) -> None:
        self.subject, self.like, self.grant = subject, like, _grant(like, at)
        self.entity = resource_entity(like, redistribution=like.redistribution) | {"uid": {"type": "Resource", "id": number}}
        self.request = request_of(subject, action, self.entity["uid"], Circumstances(at, grant=self.grant))

    def shows(self, policies: tuple[str, ...], who: Sequence[dict[str, Any]]) -> bool:
        """Whether some item is seen by an allowed use."""
        live = self.grant if self.like.given is not None and self.like.given.live else None
        basis = views.basis(self.subject, self.like, policies, live)
        items = tuple(map(_item, self.like.items))
        contract = Contract(id="", version="", dataset="", title="", items=items)
        return bool(views.view(self.request, [*who, self.entity], contract, self.like, basis)[0].items)


def _item(known: tuple[str, bool, bool]) -> Item:
    kind, _, _ = known
    return Item(_name(known), "", Type.STRING, grade=f"L{kind[0]}", personal=kind[1:] or None)


def _name(known: tuple[str, bool, bool]) -> str:
    return "-".join(map(str, known))


def _grant(like: Like, at: datetime) -> Held | None:
    """A grant of which a decision would know the same."""
    known = like.given
    if known is None:
        return None
    listed = [_name(one) for one in like.items if one[1]]
    masked = {_name(one): {"kind": "null"} for one in like.items if one[2]}
    return Held(
        items=listed or ["-"] * known.lists,
        masks=masked,
        row_filter="true" if known.filters else "",
        expires_at=at.replace(microsecond=0) if known.over else None,
        revoked_at=at if known.revoked else None,
    )
