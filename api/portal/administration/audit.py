"""审计: the record of everything, for auditors; the chain verified, and what was found put on record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.forms import AuditForm, correctable
from api.portal.shell.guards import AuditPage, require_csrf
from api.portal.shell.page import Page, render
from catalog.identity import directory
from contracts.errors import HubError
from hub import audit
from hub.acts import given
from hub.audit import AcceptAudit, ListAudit, Record, Records, SealAudit, Sealed, Verified, VerifyAudit

router = APIRouter(prefix="/audit", include_in_schema=False)
FILTERS = ("actor", "action", "object", "outcome", "since", "until", "before")
OUTCOMES = ("done", "allowed", "refused", "failed")


@router.get("", response_class=HTMLResponse)
def show(page: AuditPage, hub: HubDep, session: SessionDep) -> HTMLResponse:
    """Records by who, what, on what, when; newest first."""
    query = page.request.query_params
    filters = {name: query.get(name, "").strip() for name in FILTERS}
    session.rollback()  # looking is an act: it has a transaction of its own
    try:
        wanted = {name: value for name, value in filters.items() if value}
        records = audit.list_records(hub, page.subject, given(ListAudit, **wanted))
    except HubError as error:
        if not correctable(error):
            raise
        return _page(page, session, filters=filters, wrong=error)
    return _page(page, session, filters=filters, records=records)


@router.post("/verify", response_class=HTMLResponse)
def verify(page: AuditPage, hub: HubDep, session: SessionDep, form: AuditForm) -> HTMLResponse:
    """Verify the chain, and say what was found."""
    require_csrf(page, form.text("csrf"))
    session.rollback()
    return _page(page, session, verified=audit.verify(hub, page.subject, VerifyAudit()))


@router.post("/accept", response_class=HTMLResponse)
def accept(page: AuditPage, hub: HubDep, session: SessionDep, form: AuditForm) -> HTMLResponse:
    """Put what was found on record, with the reason."""
    require_csrf(page, form.text("csrf"))
    session.rollback()
    try:
        verified = audit.accept(hub, page.subject, given(AcceptAudit, reason=form.text("reason")))
    except HubError as error:
        if not correctable(error):
            raise
        return _page(page, session, wrong=error)
    return _page(page, session, verified=verified)


@router.post("/seal", response_class=HTMLResponse)
def seal(page: AuditPage, hub: HubDep, session: SessionDep, form: AuditForm) -> HTMLResponse:
    """Sign the head of the chain now."""
    require_csrf(page, form.text("csrf"))
    session.rollback()
    return _page(page, session, sealed=audit.seal(hub, page.subject, SealAudit()))


def _page(
    page: Page,
    session: Session,
    *,
    filters: Mapping[str, str] | None = None,
    records: Records | None = None,
    verified: Verified | None = None,
    sealed: Sealed | None = None,
    wrong: HubError | None = None,
) -> HTMLResponse:
    rows = records.records if records else []
    return render(
        page,
        "administration/audit.html",
        status=422 if wrong else 200,
        filters=filters,
        records=rows,
        next=records.next if records else None,
        details={one.sequence: json.dumps(one.detail, ensure_ascii=False, indent=1) for one in rows if one.detail},
        logins=_logins(session, rows),
        outcomes=OUTCOMES,
        verified=verified,
        sealed=sealed,
        wrong=wrong,
    )


def _logins(session: Session, records: Sequence[Record]) -> Mapping[str, str]:
    """Whose the keys are that acted."""
    prefixes = {one.actor.removeprefix("key:") for one in records if one.actor.startswith("key:")}
    return directory.logins_of_keys(session, prefixes)
