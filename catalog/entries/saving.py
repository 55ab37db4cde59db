"""An entry is saved, as a person edited it or as its contract says, and taken through its states; search learns of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from catalog.entries import search_index
from catalog.entries.resources import STEPS, InvalidEntry, Resource, WrongState, check, issue_code, require_complete
from catalog.identity import organizations
from contracts.clock import today
from contracts.model import Contract


def save(session: Session, resource: Resource, contract: Contract | None = None) -> Resource:
    """Keep an entry, and bring the search index up to it (and to its items, where its contract is given)."""
    check(resource)
    session.add(resource)
    session.flush()
    search_index.index(session, resource, contract)
    search_index.refresh_upstream(session, search_index.made_from(session, resource))  # they are found by its title
    return resource


def from_contract(session: Session, contract: Contract, *, state: str = "published") -> Resource:
    """The catalogue entry of a contract, made or brought up to date; what the contract says is kept in one place only.

    A new entry is registered, so that it has its code, and published when it is complete; otherwise it stays a draft.
    """
    organizations.get(session, contract.owner)
    existing = session.exec(select(Resource).where(Resource.name == contract.dataset)).first()
    resource = existing or Resource(name=contract.dataset, title=contract.title, provider_id=contract.owner, state="draft")
    before = resource.class_code
    _fill(resource, contract)
    save(session, resource, contract)
    if existing is not None and existing.code and before != resource.class_code and resource.class_code:
        resource.code = issue_code(session, resource, resource.class_code)
    for step in ("registered", "published"):
        if STEPS[resource.state][0] == step and state in (step, "published") and _complete(resource):
            move(session, resource, step)
    return resource


def move(session: Session, resource: Resource, state: str) -> Resource:
    """Take an entry to another state of its workflow. Registering issues its code; publishing needs all it must say."""
    if state not in STEPS.get(resource.state, ()):
        may = STEPS.get(resource.state, ())
        raise WrongState(
            f"「{resource.title}」处于 {resource.state}，不能转为 {state}；可转为 {'、'.join(may) or '无'}。",
            f"{resource.name} is {resource.state} and cannot become {state}; it may become {', '.join(may) or 'nothing'}.",
        )
    if state in ("registered", "published"):
        require_complete(resource)
    if state == "registered":
        resource.code = issue_code(session, resource, resource.class_code)
    if state == "published":
        resource.published_on = resource.published_on or today()
    resource.state = state
    return save(session, resource)


def publish(session: Session, resource: Resource) -> Resource:
    """Take an entry through every step there is to published; one that was withdrawn begins again as a draft."""
    if resource.state == "withdrawn":
        move(session, resource, "draft")
    if resource.state == "draft":
        move(session, resource, "registered")
    return move(session, resource, "published")


def _complete(resource: Resource) -> bool:
    try:
        require_complete(resource)
    except InvalidEntry:
        return False
    return True


def _fill(resource: Resource, contract: Contract) -> None:
    said: Mapping[str, Any] = contract.catalogue
    resource.title, resource.title_en = contract.title, contract.title_en or str(said.get("titleEn", ""))
    resource.provider_id = contract.owner
    resource.abstract = contract.description
    resource.abstract_en = contract.description_en or str(said.get("descriptionEn", ""))
    resource.library = str(said.get("library", resource.library))
    resource.route = str(said.get("route", resource.route))
    resource.class_code = str(said.get("classCode", resource.class_code))
    resource.formats = [int(code) for code in _several(said.get("formats", resource.formats or [3]))]
    resource.sharing = int(said.get("sharingType", resource.sharing))
    resource.sharing_condition = str(said.get("sharingCondition", resource.sharing_condition))
    resource.sharing_basis = str(said.get("sharingBasis", resource.sharing_basis))
    resource.sharing_uses = [str(use) for use in _several(said.get("sharingUses", resource.sharing_uses))]
    resource.sharing_methods = [str(way) for way in _several(said.get("sharingMethods", resource.sharing_methods))]
    resource.open = int(said.get("openType", resource.open))
    resource.open_condition = str(said.get("openCondition", resource.open_condition))
    resource.cycle = str(said.get("cycle", resource.cycle))
    resource.related_codes = [str(code) for code in _several(said.get("relatedCodes", resource.related_codes))]
    resource.category = str(said.get("category", resource.category))
    resource.grade = max([item.grade for item in contract.items] or ["L1"])


def _several(value: Any) -> list[Any]:
    """A list, also where a document gives one value or a text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.replace("、", ",").split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple) else [value]
