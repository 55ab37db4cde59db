"""Catalogue entries: the thirteen items of the compilation guide are edited, an entry is published and withdrawn."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from catalog.entries import resources, saving
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from hub.acts import act, doing
from hub.hub import Hub
from hub.releases import Name

Line = Annotated[str, Field(max_length=1000)]
Lines = Annotated[str, Field(max_length=5000)]


class EditEntry(BaseModel):
    """Items of an entry that are to be changed; what is not given stays. Item 3 is issued, 5 the provider's, 8 the contract's,
    12 the day it was first published."""

    resource: Name
    class_code: str | None = Field(default=None, max_length=40, description="(1) class code", examples=["205001"])
    title: Line | None = Field(default=None, description="(2)", examples=["企业登记信息"])
    title_en: Line | None = None
    provider: str | None = Field(default=None, max_length=200, description="(4) organization that answers for the data")
    abstract: Lines | None = Field(default=None, description="(6)")
    abstract_en: Lines | None = None
    formats: list[int] | None = Field(default=None, max_length=7, description="(7) codes 1 to 7", examples=[[2, 3]])
    sharing: Literal[1, 2, 3] | None = Field(
        default=None, description="(9) 1 unconditional, 2 conditional, 3 not shared: needs its basis"
    )
    sharing_condition: Lines | None = None
    sharing_basis: Lines | None = None
    sharing_uses: list[str] | None = Field(default=None, max_length=4, examples=[["工作参考", "业务协同"]])
    sharing_methods: list[str] | None = Field(default=None, max_length=5, examples=[["interface", "file"]])
    open: Literal[0, 1, 2] | None = Field(default=None, description="(10) 0 no, 1 yes, 2 on condition")
    open_condition: Lines | None = None
    cycle: str | None = Field(default=None, max_length=10, description="(11)", examples=["每月"])
    related_codes: list[str] | None = Field(default=None, max_length=100, description="(13)")
    category: str | None = Field(default=None, max_length=20, description="general, important or core")


class PublishEntry(BaseModel):
    """An entry that partners are to find."""

    resource: Name


class WithdrawEntry(BaseModel):
    """An entry to be taken out of the catalogue."""

    resource: Name
    reason: str = Field(max_length=500, pattern=r"\S", examples=["由新目录代替"])


class EntryState(BaseModel):
    """An entry as it stands. `lacking`: what it still needs before it can be published."""

    resource: str
    state: str
    code: str
    title: str
    class_code: str
    provider: str
    sharing: int
    category: str
    cycle: str
    published_on: date | None
    lacking: list[str]


@act(
    "entry.edit",
    policy="manage-contract",
    zh="编辑目录条目",
    en="edit an entry",
    api="POST /resources/{resource}/entry",
    cli="entry edit",
    portal="/resources/{resource}/entry",
    ends=True,
)
def edit(hub: Hub, subject: Subject, given: EditEntry) -> EntryState:
    """Change items of an entry; where it has a contract that says so in a next version, in force at once."""
    from catalog.entries import editing  # here, for the start: tests/cli/test_start.py

    with doing(hub, subject, "entry.edit", given.resource) as deed:
        changes = given.model_dump(exclude={"resource"}, exclude_none=True)
        if "provider" in changes:
            changes["provider_id"] = changes.pop("provider")
        before = {name: getattr(deed.resource, name) for name in changes}
        editing.edit(deed.session, deed.resource, changes, by=subject.actor)
        deed.detail = {name: {"before": before[name], "after": value} for name, value in changes.items()}
        return state(deed.resource)


@act(
    "entry.publish",
    policy="publish-entry",
    zh="发布目录条目",
    en="publish an entry",
    api="POST /resources/{resource}/entry/publish",
    cli="entry publish",
    portal="/resources/{resource}/publish",
)
def publish(hub: Hub, subject: Subject, given: PublishEntry) -> EntryState:
    """Publish a reviewed entry: it gets its code, and everybody may find it. InvalidEntry names what it lacks."""
    with doing(hub, subject, "entry.publish", given.resource) as deed:
        before = deed.resource.state
        saving.publish(deed.session, deed.resource)
        deed.detail = {"before": before, "code": deed.resource.code}
        return state(deed.resource)


@act(
    "entry.withdraw",
    policy="publish-entry",
    zh="撤回目录条目",
    en="withdraw an entry",
    api="POST /resources/{resource}/entry/withdraw",
    cli="entry withdraw",
    portal="/resources/{resource}/withdraw",
    ends=True,
)
def withdraw(hub: Hub, subject: Subject, given: WithdrawEntry) -> EntryState:
    """Take an entry out of the catalogue: from now on nobody but its provider gets its data, until it is published again."""
    with doing(hub, subject, "entry.withdraw", given.resource) as deed:
        saving.move(deed.session, deed.resource, "withdrawn")
        deed.detail = {"reason": given.reason.strip()}
        return state(deed.resource)


def state(entry: Resource) -> EntryState:
    """An entry for those who edit it."""
    copied = {name: getattr(entry, name) for name in _COPIED}
    return EntryState(
        resource=entry.name, provider=entry.provider_id, lacking=[en for _, _, en in resources.compulsory(entry)], **copied
    )


_COPIED = ("state", "code", "title", "class_code", "sharing", "category", "cycle", "published_on")
