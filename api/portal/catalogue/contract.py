"""契约: its text for the reader, its versions, and the checks made of it in words."""

from __future__ import annotations

from dataclasses import dataclass

from api.portal.shell.page import Page
from api.v1 import samples
from catalog.access import Decision
from contracts.checks.compile import compile as checks_of
from contracts.model import Contract
from contracts.odcs import loader


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check in words: the item it looks at, its name, its dimension, what is asked."""

    rule: str
    item: str
    dimension: str
    asked: str


def text(contract: Contract | None, decision: Decision) -> tuple[str, bool]:
    """The contract's very text for who sees every item whole; for others without what is made from values they do not see,
    and whether any went."""
    if contract is None:
        return "", False
    hidden = samples.closed(contract, decision.view if decision.allowed else None)
    told = samples.without(contract, hidden)
    return (contract.text, False) if told == contract.document else (loader.dump(told), True)


def checks(page: Page, contract: Contract | None) -> list[CheckRow]:
    """Every check of the contract, as it will be told to a provider."""
    if contract is None:
        return []
    at = 0 if page.language == "zh" else 1
    names = {item.name: (item.title_en if at and item.title_en else item.title) for item in contract.items}
    return [
        CheckRow(check.rule, names.get(check.item, ""), check.dimension, check.heading[at]) for check in checks_of(contract)
    ]
