"""资源页: one catalogue entry, its tabs as addresses of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.http.dependencies import SessionDep
from api.portal.acquisition.completeness import now_of
from api.portal.batches import quarantine
from api.portal.catalogue import contract as contract_text
from api.portal.catalogue import items as item_rows
from api.portal.catalogue import lineage as strips
from api.portal.catalogue import preview as looking
from api.portal.catalogue import version_diff
from api.portal.catalogue.get_data import Obtaining, obtaining
from api.portal.components.freshness import Freshness, freshness
from api.portal.shell.guards import CataloguePage
from api.portal.shell.page import Page, render
from api.portal.wording.i18n import N_
from api.v1 import samples
from catalog import access
from catalog.acquisition import agreements
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.completeness import BoardColumn, board
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch, BatchFilters
from catalog.entries import codes, resources
from catalog.entries import contracts as registry
from catalog.entries.codes import ResourceClass
from catalog.entries.contracts import UnknownContract
from catalog.entries.resources import Resource, UnknownResource
from catalog.entries.visibility import concerning
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from catalog.overview import scores
from catalog.overview.scores import Score
from catalog.releases import releases
from catalog.releases.releases import Release
from contracts.clock import today
from contracts.model import Contract, Item

router = APIRouter(prefix="/resources/{name}", include_in_schema=False)
TABS = (
    ("overview", N_("概览"), ""),
    ("items", N_("信息项"), "/items"),
    ("preview", N_("预览"), "/preview"),
    ("quality", N_("质量"), "/quality"),
    ("versions", N_("版本"), "/versions"),
    ("lineage", N_("血缘"), "/lineage"),
    ("contract", N_("契约"), "/contract"),
)


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """What every tab of a resource shows above its own content."""

    resource: Resource
    provider: Organization
    steward: Person | None
    path: Sequence[ResourceClass]
    contract: Contract | None
    fresh: Freshness
    score: Score | None
    before: float | None
    release: Release | None
    versions: int
    obtaining: Obtaining
    agreement: Agreement | None
    """How its data comes; only for those who see operations."""
    recent: Sequence[Batch] = ()
    column: BoardColumn | None = None
    """Of a collection: how its period of now stands."""
    highest: Sequence[Item] = ()
    """The items that decide its grade."""
    may_grant: bool = False
    """Whether the reader gives rights to it and takes them away."""
    may_edit: bool = False
    """Whether the reader edits its items; a model's own stand with the model."""
    may_publish: bool = False
    """Whether the reader publishes it and withdraws it."""


def entry(session: Session, page: Page, name: str) -> ResourcePage:
    """The entry of that name or code, if the reader may know of it; otherwise it does not exist for them."""
    resource = resources.get(session, name)
    if not access.may(session, page.subject, "discover", resource):
        raise UnknownResource(name)
    access.require(session, page.subject, "read-metadata", resource)
    contract = contract_of(session, resource)
    provider = session.get(Organization, resource.provider_id)
    assert provider is not None  # noqa: S101 - a foreign key
    inside = any(place.name == "batches" for place in page.places)
    signed = agreements.listed(session, dataset=resource.name) if inside else []
    last_two = scores.trend(session, resource.name, 2)
    return ResourcePage(
        resource=resource,
        provider=provider,
        steward=session.get(Person, resource.steward_id) if resource.steward_id else None,
        path=codes.class_path(session, resource.class_code),
        contract=contract,
        fresh=freshness(session, resource),
        score=scores.score(session, resource.name),
        before=last_two[0].total if len(last_two) == 2 else None,
        release=releases.latest(session, resource),
        versions=len(releases.listed(session, resource)),
        obtaining=obtaining(session, page, resource, contract),
        agreement=signed[0] if signed else None,
        recent=_recent(session, page, resource) if inside else (),
        column=now_of(board(session, signed[0].id, on=today())) if signed and signed[0].route == "collect" else None,
        highest=item_rows.highest(contract, resource.grade),
        may_grant=contract is not None and access.may(session, page.subject, "manage-grant", resource),
        may_edit=access.may(session, page.subject, "manage-contract", resource) and registry.is_written(session, resource.name),
        may_publish=access.may(session, page.subject, "publish-entry", resource),
    )


def _recent(session: Session, page: Page, resource: Resource) -> Sequence[Batch]:
    """The last deliveries that concern the reader."""
    chosen = BatchFilters(dataset=resource.name)
    return batches.listed(session, chosen, size=4, concerning=concerning(page.subject)).batches


def contract_of(session: Session, resource: Resource) -> Contract | None:
    """The active contract; None for an entry that has none."""
    try:
        return registry.active(session, resource.name)
    except UnknownContract:
        return None


def show(page: Page, shown: ResourcePage, tab: str, **context: Any) -> HTMLResponse:
    """One tab with the common head."""
    base = f"/resources/{shown.resource.name}"
    counts = {"items": len(shown.contract.items) if shown.contract else None, "versions": shown.versions or None}
    tabs = [(key, word, base + path, counts.get(key)) for key, word, path in TABS]
    return render(page, f"pages/resource_{tab}.html", entry=shown, resource=shown.resource, tab=tab, tabs=tabs, **context)


@router.get("", response_class=HTMLResponse)
def overview(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """The thirteen items, the information items, the lineage nearby, and how to get the data."""
    shown = entry(session, page, name)
    return show(
        page,
        shown,
        "overview",
        rows=item_rows.rows(session, page, shown.contract, shown.obtaining.decision),
        strip=strips.strip(session, page, shown.resource),
        codes=resources.codes_of(session, shown.resource),
    )


@router.get("/items", response_class=HTMLResponse)
def items(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """Every information item with its type and rules."""
    shown = entry(session, page, name)
    wanted = (page.request.query_params.get("find") or "").strip()
    rows = item_rows.rows(session, page, shown.contract, shown.obtaining.decision)
    found = [row for row in rows if wanted.lower() in f"{row.item.title} {row.item.title_en} {row.item.name}".lower()]
    rules = item_rows.row_rules(page, shown.contract)
    return show(page, shown, "items", rows=found, total=len(rows), find=wanted, rules=rules)


@router.get("/preview", response_class=HTMLResponse)
def preview(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """The first rows, as this reader may see them; the refusal where they may not."""
    shown = entry(session, page, name)
    if shown.contract is None:
        return show(page, shown, "preview", decision=shown.obtaining.decision, seen=None)
    decision, seen = looking.look(session, page, shown.resource)
    return show(page, shown, "preview", decision=decision, seen=seen)


@router.get("/quality", response_class=HTMLResponse)
def quality_(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """Scores of the six dimensions, and what each rule found."""
    shown = entry(session, page, name)
    decision, results = samples.measured(session, page.subject, shown.resource)
    titles = {item.name: item for item in shown.contract.items} if shown.contract else {}
    trend = scores.trend(session, shown.resource.name)
    headings = quarantine.rule_names(page, shown.contract)
    facts = {"decision": decision, "results": results, "titles": titles, "headings": headings, "trend": trend}
    return show(page, shown, "quality", formula=scores.FORMULA, **facts)


@router.get("/versions", response_class=HTMLResponse)
def versions(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """Every version with its difference to the one before; and the difference of the two that the address names."""
    shown = entry(session, page, name)
    ends = [page.request.query_params.get(end, "") for end in ("from", "to")]
    asked = [int(text) for text in ends if text.isdecimal() and len(text) < 10]
    compared = None
    if len(asked) == 2 and shown.contract is not None:
        compared = version_diff.compare(session, page, shown.resource, shown.contract, *asked)
    return show(
        page,
        shown,
        "versions",
        releases=releases.listed(session, shown.resource),
        may_recall=access.may(session, page.subject, "recall", shown.resource),
        may_release=access.may(session, page.subject, "release", shown.resource),
        may_rebuild=shown.contract is not None and access.may(session, page.subject, "manage-contract", shown.resource),
        choices=version_diff.choices(session, shown.resource),
        may_compare=shown.contract is not None and access.may(session, page.subject, version_diff.ACTION, shown.resource),
        compared=compared,
    )


@router.get("/lineage", response_class=HTMLResponse)
def lineage(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """All it is made from and all made from it, drawn, with a table of the same edges; of one item where one is chosen."""
    shown = entry(session, page, name)
    known = strips.items_told(session, page, shown.resource)
    items = [item for item in (shown.contract.items if shown.contract else ()) if item.name in known]
    asked = page.request.query_params.get("item", "")
    chosen = next((item for item in items if item.name == asked), None)
    graph = strips.whole(session, page, shown.resource, chosen.name if chosen else "")
    return show(page, shown, "lineage", graph=graph, items=items, chosen=chosen)


@router.get("/contract", response_class=HTMLResponse)
def contract(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """The contract's text, its versions, and the checks made of it in words."""
    shown = entry(session, page, name)
    text, hidden = contract_text.text(shown.contract, shown.obtaining.decision)
    checks = contract_text.checks(page, shown.contract)
    kept = registry.versions(session, shown.resource.name)
    may_write = access.may(session, page.subject, "manage-contract", shown.resource) and registry.is_written(
        session, shown.resource.name
    )
    return show(page, shown, "contract", text=text, hidden=hidden, checks=checks, kept=kept, may_write=may_write)
