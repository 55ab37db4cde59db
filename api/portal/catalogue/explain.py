"""试一个值: a value typed in, and what each rule of its item says of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.guards import CataloguePage, SignInFirst, require_csrf
from api.portal.shell.page import Page, render
from api.portal.wording.i18n import N_
from catalog import access
from catalog.entries import contracts as registry
from contracts.errors import HubError
from hub import explain as explaining
from hub.acts import given, known
from hub.explain import ExplainedValue, ExplainValue

router = APIRouter(prefix="/resources/{name}/contract/explain", include_in_schema=False)
STATES = {
    "met": (N_("符合"), "ok"),
    "broken": (N_("不符"), "fault"),
    "skipped": (N_("无值可查"), ""),
    "row": (N_("须看整行"), ""),
    "table": (N_("须看全部记录"), ""),
    "delivery": (N_("须看整批"), ""),
}
"""A rule's outcome in a word, and the colour of its badge."""


@router.get("", response_class=HTMLResponse)
def ask(page: CataloguePage, session: SessionDep, name: str, item: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
    """The field for a value."""
    return _page(page, session, name, item)


@router.post("", response_class=HTMLResponse)
def explain(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    csrf: Annotated[str, Form()] = "",
    item: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """What the rules say of it; nothing of it is kept."""
    require_csrf(page, csrf)
    session.rollback()  # the act has a transaction of its own
    try:
        explained = explaining.explain(hub, page.subject, given(ExplainValue, resource=name, item=item, value=value))
    except access.Refused:
        raise
    except HubError as wrong:
        return _page(page, session, name, item, value, wrong=wrong)
    return _page(page, session, name, explained.item, value, explained)


def _page(
    page: Page,
    session: Session,
    name: str,
    item: str,
    value: str = "",
    explained: ExplainedValue | None = None,
    wrong: HubError | None = None,
) -> HTMLResponse:
    if page.subject.kind == "anonymous":
        raise SignInFirst(page.request.url.path)
    resource = known(session, page.subject, name)
    access.require(session, page.subject, "discover", resource)
    items = registry.active(session, name).items
    context = {"items": items, "chosen": item, "value": value, "explained": explained, "wrong": wrong, "states_of": STATES}
    return render(page, "pages/explain.html", status=422 if wrong else 200, resource=resource, **context)
