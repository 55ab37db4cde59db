"""批次: deliveries, newest first, each with its equation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session, col, select

from api.http.dependencies import SessionDep
from api.portal.shell.guards import BatchesPage
from api.portal.shell.page import render
from api.portal.wording.labels import BATCHES
from catalog.deliveries.batches import Batch, BatchFilters, listed
from catalog.entries.resources import Resource
from catalog.entries.visibility import concerning, discoverable
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject

router = APIRouter(prefix="/batches", include_in_schema=False)
SIZES = (20, 50, 100)


@dataclass(frozen=True, slots=True)
class Names:
    """What datasets and organizations are called, for a list of batches."""

    resources: Mapping[str, Resource]
    organizations: Mapping[str, Organization]


@router.get("", response_class=HTMLResponse)
def batches(page: BatchesPage, session: SessionDep) -> HTMLResponse:
    """Every delivery the reader may know of, narrowed by state, route, dataset or sender."""
    asked = page.request.query_params
    filters = BatchFilters(
        dataset=asked.get("dataset", ""),
        state=tuple(state for state in asked.getlist("state") if state in BATCHES),
        route=asked.get("route", ""),
        agreement_id=asked.get("agreement", ""),
        organization_id=asked.get("organization", ""),
        period=asked.get("period", ""),
    )
    number = asked.get("page", "1")
    size = next((size for size in SIZES if asked.get("size") == str(size)), SIZES[0])
    known = known_datasets(session, page.subject)
    found = listed(
        session,
        filters,
        page=int(number) if number.isdecimal() and len(number) < 9 else 1,
        size=size,
        datasets=known,
        concerning=concerning(page.subject),
    )
    response = render(
        page, "pages/batches.html", found=found, filters=filters, names=names(session, found.batches), known=known
    )
    if page.request.headers.get("hx-request"):
        response.headers["HX-Push-Url"] = page.here()
    return response


def known_datasets(session: Session, subject: Subject) -> list[str]:
    """Datasets the reader may know of; no other's batches are listed or counted."""
    return list(session.exec(select(Resource.name).where(discoverable(subject)).order_by(Resource.name)))


def names(session: Session, found: Sequence[Batch]) -> Names:
    """Resources and senders of batches, in two queries."""
    datasets = {batch.dataset for batch in found}
    senders = {batch.organization_id for batch in found if batch.organization_id}
    resources = session.exec(select(Resource).where(col(Resource.name).in_(datasets)))
    organizations = session.exec(select(Organization).where(col(Organization.id).in_(senders)))
    return Names({one.name: one for one in resources}, {one.id: one for one in organizations})
