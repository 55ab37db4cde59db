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
from catalog.entries.visibility import concerning, hidden_datasets, judged
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject

router = APIRouter(prefix="/batches", include_in_schema=False)
SIZES = (20, 50, 100)
OFFERED = 200
"""Names of datasets that the filter offers; any other may be typed."""


@dataclass(frozen=True, slots=True)
class BatchNames:
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
    found = listed(
        session,
        filters,
        page=int(number) if number.isdecimal() and len(number) < 9 else 1,
        size=size,
        hidden=hidden_datasets(page.subject),
        concerning=concerning(page.subject),
    )
    named, offered = names(session, found.batches), known_datasets(session, page.subject)
    response = render(page, "pages/batches.html", found=found, filters=filters, names=named, known=offered)
    if page.request.headers.get("hx-request"):
        response.headers["HX-Push-Url"] = page.here()
    return response


def known_datasets(session: Session, subject: Subject) -> list[str]:
    """Datasets that the reader may know of, by name: the first of them are offered to choose from."""
    named = select(Resource.name).where(judged(subject))
    return list(session.exec(named.order_by(Resource.name).limit(OFFERED)))


def names(session: Session, found: Sequence[Batch]) -> BatchNames:
    """Resources and senders of batches, in two queries."""
    datasets = {batch.dataset for batch in found}
    senders = {batch.organization_id for batch in found if batch.organization_id}
    resources = session.exec(select(Resource).where(col(Resource.name).in_(datasets)))
    organizations = session.exec(select(Organization).where(col(Organization.id).in_(senders)))
    return BatchNames({one.name: one for one in resources}, {one.id: one for one in organizations})
