"""机构: departments, agencies, vendors and enterprises; registered and changed."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.administration.people import SIZE, number_of
from api.portal.shell.forms import AdministrationForm, Form, perform
from api.portal.shell.guards import AdministrationPage
from api.portal.shell.page import Page, render
from catalog.identity import directory, organizations
from catalog.identity.organizations import KINDS, LEVELS
from contracts.errors import HubError
from hub.acts import given
from hub.organizations import AddOrganization, ChangeOrganization, add_organization, change_organization

router = APIRouter(prefix="/administration/organizations", include_in_schema=False)
ORGANIZATIONS = "/administration/organizations"
FIELDS = ("name", "name_en", "kind", "level", "credit_code", "division", "parent", "contact", "phone")


@router.get("", response_class=HTMLResponse)
def listed(page: AdministrationPage, session: SessionDep) -> HTMLResponse:
    """Organizations found by a name and a kind."""
    query = page.request.query_params
    text, kind = (query.get(name, "").strip()[:100] for name in ("q", "kind"))
    kind = kind if kind in KINDS else ""
    found = directory.organizations_found(session, text, kind=kind, page=number_of(page), size=SIZE)
    return render(page, "administration/organizations.html", found=found, text=text, kind=kind, kinds=KINDS)


@router.post("", response_class=HTMLResponse)
def register(page: AdministrationPage, hub: HubDep, session: SessionDep, form: AdministrationForm) -> Response:
    """Register an organization."""

    def act() -> object:
        fields = form.values("id", *FIELDS[:-2])
        if session.get(organizations.Organization, fields.get("id", "")) is not None:
            raise organizations.InvalidOrganization(
                f"编号「{fields['id']}」已有机构。", f"There is an organization {fields['id']!r} already."
            )
        session.rollback()
        return add_organization(hub, page.subject, given(AddOrganization, **fields))

    return perform(page, session, form, act, ORGANIZATIONS, lambda error: _page(page, session, None, form, error))


@router.get("/new", response_class=HTMLResponse)
def new(page: AdministrationPage, session: SessionDep) -> HTMLResponse:
    """The form for a new organization."""
    return _page(page, session, None, Form())


@router.get("/{organization}", response_class=HTMLResponse)
def show(page: AdministrationPage, session: SessionDep, organization: str) -> HTMLResponse:
    """One organization, to be changed."""
    return _page(page, session, organization, Form())


@router.post("/{organization}", response_class=HTMLResponse)
def change(page: AdministrationPage, hub: HubDep, session: SessionDep, organization: str, form: AdministrationForm) -> Response:
    """Change it."""

    def act() -> object:
        fields = form.values(*FIELDS)
        request = given(ChangeOrganization, organization=organization, **fields, active="active" in form.fields)
        return change_organization(hub, page.subject, request)

    address = f"{ORGANIZATIONS}?q={quote(organization)}"
    return perform(page, session, form, act, address, lambda error: _page(page, session, organization, form, error))


def _page(page: Page, session: Session, organization: str | None, form: Form, wrong: HubError | None = None) -> HTMLResponse:
    present = organizations.get(session, organization) if organization is not None else None
    return render(
        page,
        "administration/organization.html",
        status=422 if wrong else 200,
        organization=present,
        form=form,
        wrong=wrong,
        kinds=KINDS,
        levels=LEVELS,
        parents=[one for one in organizations.bodies(session) if present is None or one.id != present.id],
    )
