"""Which rules of its item a value meets, and why not: what a provider would read, before anything is delivered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, Field

from catalog.entries import contracts as registry
from catalog.identity.people import Subject
from contracts.checks import compile as checks
from contracts.checks.code_lists import needed, wanted
from contracts.checks.compile import Check, RowCheck, Scope
from contracts.checks.rules.lists import with_codes
from contracts.checks.rules.presence import expects
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract, Item
from contracts.suggest import did_you_mean
from hub.acts import act, doing
from hub.hub import Hub
from hub.releases import Name
from warehouse.ingest import one_value
from warehouse.ingest.one_value import ReadValue

LONGEST = 100_000
"""Characters of a value that is explained."""
State = Literal["met", "broken", "skipped", "row", "table", "delivery"]


class UnknownItem(HubError):
    """A dataset has no item of that name."""

    def __init__(self, contract: Contract, name: str) -> None:
        zh, en = did_you_mean(name, [item.name for item in contract.items])
        super().__init__(
            f"{contract.dataset} 没有信息项 {name[:80]}；{zh}", f"{contract.dataset} has no item {name[:80]}; {en}"
        )


class ExplainValue(BaseModel):
    """A value as a provider would write it into a file, and the item that it is for."""

    resource: Name
    item: str = Field(max_length=200, description="Machine name or title of the item.", examples=["credit_code"])
    value: str = Field(max_length=LONGEST, description="The text of the cell.", examples=["91110108551385082C"])


class ExplainedRule(BaseModel):
    """One rule. `state`: met, broken, or skipped (there is no value of the item's type to judge); row, table, delivery: what
    must be seen to decide it."""

    rule: str
    title: str
    title_en: str
    dimension: str
    state: State
    message: str = Field(description="What is wrong and what to do; of a rule that is not broken: what it asks.")
    message_en: str


class ExplainedValue(BaseModel):
    """How a value is read, and each rule of its item in the contract in force."""

    resource: str
    version: str
    item: str
    title: str
    title_en: str
    accepted: bool = Field(description="No rule that one value decides is broken.")
    filled: bool = Field(description="The text says that there is a value.")
    read: str | None = Field(description="The value as it would be stored; null where there is none, or it is guarded.")
    guarded: bool = Field(description="Personal data or L3 and above: no value of it is shown.")
    expects: str = Field(description="How values of the item are written.")
    expects_en: str
    rules: list[ExplainedRule]


@act(
    "explain",
    policy="discover",
    zh="解释一个值",
    en="explain a value",
    api="POST /resources/{resource}/items/{item}/explain",
    cli="explain",
    portal="/resources/{resource}/contract/explain",
    secret=True,
)
def explain(hub: Hub, subject: Subject, given: ExplainValue) -> ExplainedValue:
    """Say which rules of the item in force a value meets, which it breaks and why. The record has the item, never the value."""
    with doing(hub, subject, "explain", given.resource) as deed:
        contract = registry.active(deed.session, given.resource)
        item = _item(contract, given.item)
        deed.detail = {"item": item.name, "version": contract.version}
    lists = _lists(hub, contract, item)
    read = one_value.read(hub.settings, contract, item.name, given.value, lists, at=now())
    return _explained(contract, item, given.value, read, lists)


def _item(contract: Contract, name: str) -> Item:
    items = [item for item in contract.items if name in (item.name, item.title, item.title_en)]
    if not items:
        raise UnknownItem(contract, name)
    return items[0]


def _lists(hub: Hub, contract: Contract, item: Item) -> dict[str, Sequence[str]]:
    """The code lists that the item's checks look up; one that is missing is told by the check itself."""
    named = [name for name in (*needed(contract), *wanted(contract)) if name in _named(item)]
    lists: dict[str, Sequence[str]] = {}
    for name in named:
        with suppress(KeyError):
            lists[name] = list(hub.lookups.codes(name))
    return lists


def _named(item: Item) -> tuple[str, ...]:
    form = item.format
    return (item.code_list or "", *(form.lists if form else ()), *(form.optional_lists if form else ()))


def _explained(
    contract: Contract, item: Item, value: str, read: ReadValue, lists: Mapping[str, Sequence[str]]
) -> ExplainedValue:
    guarded = checks.is_private(item)
    zh, en = expects(item)
    return ExplainedValue(
        resource=contract.dataset,
        version=contract.version,
        item=item.name,
        title=item.title,
        title_en=item.title_en or item.name,
        accepted=not read.broken,
        filled=read.filled,
        read=None if guarded else read.value,
        guarded=guarded,
        expects=zh,
        expects_en=en,
        rules=list(_rules(contract, item, value, read, lists)),
    )


def _rules(
    contract: Contract, item: Item, value: str, read: ReadValue, lists: Mapping[str, Sequence[str]]
) -> Iterator[ExplainedRule]:
    for check in checks.compile(contract):
        if item.name not in check.reads:
            continue
        state = _state(check, read)
        said = with_codes(check, lists).describe(value if state == "broken" else None)
        yield ExplainedRule(
            rule=check.rule,
            title=check.name[0],
            title_en=check.name[1],
            dimension=check.dimension,
            state=state,
            message=said[0],
            message_en=said[1],
        )


def _state(check: Check, read: ReadValue) -> State:
    if check.scope is Scope.BATCH:
        return "delivery"
    if check.scope in (Scope.SET, Scope.REFERENCE):
        return "table"
    if isinstance(check, RowCheck) or check.names_items:
        return "row"
    if check.rule in read.broken:
        return "broken"
    judged = check.rule in ("required", "type") or read.value is not None
    return "met" if judged and (read.filled or check.rule == "required") else "skipped"
