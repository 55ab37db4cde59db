"""目录条目: its thirteen items edited in one form, published when it has all it needs, withdrawn for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.entries import codes, editing, resources
from catalog.entries import contracts as registry
from catalog.entries.editing import WrongFields
from catalog.entries.resources import Resource
from catalog.overview import register as acquisitions
from contracts.errors import HubError
from hub import entries
from hub.acts import given, known
from hub.entries import EditEntry, PublishEntry, WithdrawEntry

router = APIRouter(prefix="/resources/{name}", include_in_schema=False)
TEXTS = (
    "class_code", "title", "title_en", "provider", "abstract", "abstract_en", "sharing", "sharing_condition", "sharing_basis",
    "open", "open_condition", "cycle", "category",
)  # fmt: skip
LISTS = ("formats", "sharing_uses", "sharing_methods")


@dataclass(frozen=True, slots=True)
class EntryForm:
    """The form of an entry."""

    csrf: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


async def sent_in(page: CataloguePage) -> AsyncIterator[EntryForm]:
    """The form, read only once `page` knows who sends it; a list without a choice is empty."""
    async with page.request.form(max_files=0, max_fields=100) as form:
        texts = {name: str(form.get(name) or "").strip() for name in TEXTS}
        lists = {name: [str(one) for one in form.getlist(name)] for name in LISTS}
        related = str(form.get("related_codes") or "").replace("，", " ").replace("、", " ").replace(",", " ").split()
        yield EntryForm(str(form.get("csrf") or ""), {**texts, **lists, "related_codes": related})


@router.get("/entry", response_class=HTMLResponse)
def ask(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """The items as they are."""
    resource = _asked(session, page, name, "manage-contract")
    registry.require_written(session, resource.name)
    return _form(session, page, resource, _values(resource))


@router.post("/entry", response_class=HTMLResponse)
def edit(
    page: CataloguePage, hub: HubDep, session: SessionDep, name: str, sent: Annotated[EntryForm, Depends(sent_in)]
) -> Response:
    """Change them; with faults the form comes back as it was sent."""
    require_csrf(page, sent.csrf)
    resource = _asked(session, page, name, "manage-contract")
    session.commit()  # the act has a transaction of its own
    numbers = {one: int(sent.values[one]) for one in ("sharing", "open") if sent.values[one].isdecimal()}
    formats = [int(one) for one in sent.values["formats"] if one.isdecimal()]
    try:
        entries.edit(
            hub, page.subject, given(EditEntry, resource=resource.name, **{**sent.values, **numbers, "formats": formats})
        )
    except access.Refused:
        raise
    except HubError as wrong:
        return _form(session, page, _asked(session, page, name, "manage-contract"), sent.values, wrong)
    return RedirectResponse(f"/resources/{resource.name}", 303)


@router.get("/publish", response_class=HTMLResponse)
def ask_publication(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """What is there, and what is missing before others may find it."""
    return _publication(session, page, name)


@router.post("/publish", response_class=HTMLResponse)
def publish(page: CataloguePage, hub: HubDep, session: SessionDep, name: str, csrf: Annotated[str, Form()] = "") -> Response:
    """Publish it; then its page."""
    require_csrf(page, csrf)
    resource = _asked(session, page, name, "publish-entry")
    session.commit()
    try:
        entries.publish(hub, page.subject, PublishEntry(resource=resource.name))
    except access.Refused:
        raise
    except HubError as wrong:
        return _publication(session, page, name, wrong)
    return RedirectResponse(f"/resources/{name}", 303)


@router.get("/withdraw", response_class=HTMLResponse)
def ask_withdrawal(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """What a withdrawal ends, and the reason to give."""
    return _withdrawal(session, page, name)


@router.post("/withdraw", response_class=HTMLResponse)
def withdraw(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take it out of the catalogue; then its page."""
    require_csrf(page, csrf)
    resource = _asked(session, page, name, "publish-entry")
    session.commit()
    try:
        entries.withdraw(hub, page.subject, given(WithdrawEntry, resource=resource.name, reason=reason))
    except access.Refused:
        raise
    except HubError as wrong:
        return _withdrawal(session, page, name, wrong)
    return RedirectResponse(f"/resources/{name}", 303)


def _asked(session: Session, page: Page, name: str, action: str) -> Resource:
    resource = known(session, page.subject, name)
    access.require(session, page.subject, action, resource)
    return resource


def _values(resource: Resource) -> dict[str, Any]:
    """What the form shows before anything was sent."""
    shown = {name: getattr(resource, "provider_id" if name == "provider" else name) for name in (*TEXTS, *LISTS)}
    return {**shown, "related_codes": resource.related_codes}


def _form(
    session: Session, page: Page, resource: Resource, values: Mapping[str, Any], wrong: HubError | None = None
) -> HTMLResponse:
    faults = dict(wrong.faults) if isinstance(wrong, WrongFields) else {}
    faults |= {"provider": faults.pop("provider_id")} if "provider_id" in faults else {}
    return render(
        page,
        "pages/entry_edit.html",
        status=422 if wrong else 200,
        resource=resource,
        values={name: [str(one) for one in value] if isinstance(value, list) else str(value) for name, value in values.items()},
        code_list=resources.codes_of(session, resource),
        providers=editing.providers(session),
        classes=codes.tree(session),
        lacking=editing.lacking(resource),
        faults=faults,
        wrong=wrong,
        methods=editing.METHODS,
        categories=editing.CATEGORIES,
    )


def _publication(session: Session, page: Page, name: str, wrong: HubError | None = None) -> HTMLResponse:
    resource = _asked(session, page, name, "publish-entry")
    return render(
        page,
        "pages/entry_publish.html",
        status=422 if wrong else 200,
        resource=resource,
        lacking=editing.lacking(resource),
        wrong=wrong,
    )


def _withdrawal(session: Session, page: Page, name: str, wrong: HubError | None = None) -> HTMLResponse:
    resource = _asked(session, page, name, "publish-entry")
    return render(
        page,
        "pages/entry_withdraw.html",
        status=422 if wrong else 200,
        resource=resource,
        uses=acquisitions.in_use(session, resource),
        wrong=wrong,
    )
