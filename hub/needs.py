"""Need first (Order 809, art. 19): before a need is entered the hub looks for its items in what it has or may share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.acquisition.searches import NeedSearch
from catalog.entries.resources import Resource
from catalog.entries.visibility import discoverable
from catalog.identity.people import Subject
from catalog.matching import matches as matching
from catalog.matching.likening import Wanted, reason
from catalog.matching.matches import ENOUGH, ItemMatch, Match
from contracts.errors import HubError
from hub.acts import act, doing
from hub.hub import Hub

MOST_ITEMS = 60


class WantedItem(BaseModel):
    """One item that is needed, by its name in Chinese or English."""

    name: str = Field(min_length=1, max_length=100, pattern=r"\S", examples=["用电量"])
    description: str = Field(default="", max_length=500)
    format: str = Field(default="", max_length=100, description="date, number, mobile, GB/T 2260 …", examples=["number"])
    code_list: str = Field(default="", max_length=100, description="Code list that its values are of.")


class MatchNeed(BaseModel):
    """What is needed. Without items the title is looked for."""

    items: list[WantedItem] = Field(default=[], max_length=MOST_ITEMS)
    title: str = Field(default="", max_length=200, examples=["企业用电"])
    purpose: str = Field(default="", max_length=500)
    dataset: str = Field(
        default="", max_length=63, description="Resource that the need is to feed: no match while it is empty."
    )


class FoundItem(BaseModel):
    """A wanted item in an entry; `item` is null where the entry has none like it."""

    wanted: str
    item: str | None
    title: str
    title_en: str
    score: float
    reason: str
    reason_en: str


class FoundEntry(BaseModel):
    """An entry that has wanted items. `score`: 0 to 1; `enough`: going on in spite of it needs a reason."""

    resource: str
    title: str
    title_en: str
    provider: str
    sharing: int
    rows: int
    score: float
    enough: bool
    items: list[FoundItem]


class NeedMatches(BaseModel):
    """What the hub has of a need, best first; only entries that the caller may know of."""

    enough: float = Field(description="Score from which on going on needs a reason.")
    matches: list[FoundEntry]


class NeedSearched(BaseModel):
    """The search that a need was entered on. Entries that the reader may not know of are left out."""

    at: datetime
    by: str
    title: str
    purpose: str
    items: list[WantedItem]
    found: list[FoundEntry]


class AlreadyThere(HubError):
    """The hub has what is needed; going on needs a reason. `matches`: what it has."""

    def __init__(self, matches: list[FoundEntry]) -> None:
        self.matches = matches
        named = "、".join(f"「{one.title}」（{one.resource}，{one.score:.0%}）" for one in matches)
        named_en = ", ".join(f"{one.title_en or one.title} ({one.resource}, {one.score:.0%})" for one in matches)
        super().__init__(
            f"平台已有或可共享所需数据：{named}。请先使用它们；仍要提出需求，请写明理由（in_spite_of）。",
            f"The hub has this or may share it: {named_en}. Use it, or say in in_spite_of why it does not do.",
        )


@act(
    "need.match",
    policy="manage-agreement",
    zh="查找需求所需",
    en="look for what is needed",
    api="POST /needs/matches",
    cli="need match",
    portal="/agreements/new",
)
def match(hub: Hub, subject: Subject, given: MatchNeed) -> NeedMatches:
    """What the hub has or may share of a need, each entry with a score and why."""
    with doing(hub, subject, "need.match") as deed:
        found = look(deed.session, subject, given)
        deed.detail = {"items": [one.name for one in given.items], "title": given.title}
        deed.detail["found"] = [one.resource for one in found]
        return NeedMatches(enough=ENOUGH, matches=found)


def look(session: Session, subject: Subject, given: MatchNeed) -> list[FoundEntry]:
    """The entries that have what is needed."""
    wanted = [Wanted(**one.model_dump()) for one in given.items]
    fed = select(Agreement.id).where(Agreement.dataset == given.dataset, col(Agreement.state).in_(IN_FORCE))
    leave_out = given.dataset if session.exec(fed.limit(1)).first() is None else ""
    found = matching.matches(session, subject, wanted, title=given.title, purpose=given.purpose, leave_out=leave_out)
    return [_entry(one) for one in found]


def require_reason(found: Sequence[FoundEntry], in_spite_of: str) -> None:
    """Refuse to go on without a reason where the hub has it. Errors: AlreadyThere."""
    there = [one for one in found if one.enough]
    if there and not in_spite_of.strip():
        raise AlreadyThere(there)


def keep(session: Session, agreement: Agreement, subject: Subject, asked: MatchNeed, found: Sequence[FoundEntry]) -> None:
    """Keep the search with the need that came of it: for a purchase it is the proof that nobody holds it."""
    looked_for = asked.model_dump(exclude={"dataset"})
    told = [one.model_dump() for one in found]
    session.add(NeedSearch(agreement_id=agreement.id, by=subject.actor, looked_for=looked_for, found=told, enough=ENOUGH))


def searched(session: Session, subject: Subject, agreement: Agreement) -> NeedSearched | None:
    """The search that an agreement was entered on, as the subject may see it; None for needs of before."""
    kept = session.get(NeedSearch, agreement.id)
    if kept is None:
        return None
    names = [one["resource"] for one in kept.found]
    known = set(session.exec(select(Resource.name).where(col(Resource.name).in_(names), discoverable(subject))))
    found = [FoundEntry.model_validate(one) for one in kept.found if one["resource"] in known]
    told: dict[str, Any] = kept.looked_for
    return NeedSearched(at=kept.at, by=kept.by, found=found, **told)


def _entry(one: Match) -> FoundEntry:
    entry = one.resource
    return FoundEntry(
        resource=entry.name, title=entry.title, title_en=entry.title_en, provider=entry.provider_id, sharing=entry.sharing,
        rows=entry.rows, score=one.score, enough=one.enough, items=[_item(each) for each in one.items],
    )  # fmt: skip


def _item(one: ItemMatch) -> FoundItem:
    if one.column is None:
        return FoundItem(wanted=one.wanted.name, item=None, title="", title_en="", score=0, reason="没有", reason_en="none")
    zh, en = reason(one.wanted, one.column, one.evidence)
    return FoundItem(
        wanted=one.wanted.name, item=one.column.name, title=one.column.title, title_en=one.column.title_en,
        score=round(one.evidence.score, 3), reason=zh, reason_en=en,
    )  # fmt: skip
