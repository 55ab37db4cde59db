"""健康: what the doctor finds, each with its remedy; the lake maintained, everything backed up."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.background import follow
from api.portal.shell.forms import AdministrationForm
from api.portal.shell.guards import AdministrationPage, require_csrf
from api.portal.shell.page import render
from hub import doctor
from hub.acts import given
from hub.doctor import Examine
from hub.upkeep import BackUp, MaintainLake

router = APIRouter(prefix="/administration/health", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def show(page: AdministrationPage, hub: HubDep, session: SessionDep) -> HTMLResponse:
    """Every finding, what is bad first. `whole=1`: every batch is compared with the lake, which takes seconds where there are
    many."""
    session.rollback()  # looking is an act: it has a transaction of its own
    health = doctor.doctor(hub, page.subject, Examine(whole=page.request.query_params.get("whole") == "1"))
    order = ("bad", "warning", "good")
    findings = sorted(health.findings, key=lambda one: order.index(one.state))
    return render(page, "administration/health.html", health=health, findings=findings, backups=page.settings.backups)


@router.post("/maintain")
def maintain(page: AdministrationPage, hub: HubDep, session: SessionDep, form: AdministrationForm) -> Response:
    """Maintain the lake; it becomes a job."""
    require_csrf(page, form.text("csrf"))
    session.rollback()
    return follow(hub, page, "lake.maintain", given(MaintainLake))


@router.post("/backup")
def backup(page: AdministrationPage, hub: HubDep, session: SessionDep, form: AdministrationForm) -> Response:
    """Back up into the folder that the server's settings name; it becomes a job."""
    require_csrf(page, form.text("csrf"))
    session.rollback()
    return follow(hub, page, "backup", given(BackUp))
