"""契约: its text for the reader, its versions, and the checks made of it in words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from api import samples
from api.portal.frame import Page
from catalog import access
from catalog.access import Decision
from catalog.resources import Resource
from contracts import lint
from contracts.checks import compile as checks_of
from contracts.model import Contract


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check in words: the item it looks at, its name, its dimension, what is asked."""

    rule: str
    item: str
    dimension: str
    asked: str


def text(session: Session, page: Page, resource: Resource, contract: Contract | None, decision: Decision) -> tuple[str, bool]:
    """The contract's very text for those who keep it; for others without the samples of guarded items, and whether any went."""
    if contract is None:
        return "", False
    if access.may(session, page.subject, "manage-contract", resource):
        return contract.text, False
    guarded = samples.guarded(contract, decision.view if decision.allowed else None)
    if not guarded:
        return contract.text, False
    return lint.dump(samples.without(contract, guarded)), True


def checks(page: Page, contract: Contract | None) -> list[CheckRow]:
    """Every check of the contract, as it will be told to a provider."""
    if contract is None:
        return []
    at = 0 if page.language == "zh" else 1
    names = {item.name: (item.title_en if at and item.title_en else item.title) for item in contract.items}
    return [
        CheckRow(check.rule, names.get(check.item, ""), check.dimension, check.heading[at]) for check in checks_of(contract)
    ]
