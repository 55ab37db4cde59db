"""包: what domains brought to this hub; one is added from a zip file, one is taken out of use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlmodel import Session

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.forms import AdministrationForm, correctable
from api.portal.shell.guards import AdministrationPage, AnyPage, require_csrf, require_right
from api.portal.shell.handed_in import HandedIn, form_of
from api.portal.shell.page import Page, render
from catalog import access
from contracts.errors import HubError
from contracts.packs.bundle import BYTES
from contracts.packs.errors import fault
from hub import packs
from hub.acts import given, require
from hub.hub import Hub
from hub.packs import AddedPack, AddPack, ListPacks, RemovePack
from warehouse.storage import landing

router = APIRouter(prefix="/packs", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def show(request: Request, page: AnyPage, hub: HubDep, session: SessionDep) -> HTMLResponse:
    """Every pack with its contents; administrators find the forms beside them."""
    require_right(request, session, page.subject, packs.SEE)
    return _page(page, hub, session)


async def handed_in(page: AdministrationPage) -> AsyncIterator[HandedIn]:
    """The form of those who administer."""
    async with form_of(page) as sent:
        yield sent


@router.post("", response_class=HTMLResponse, max_body_size=BYTES)
def add(
    page: AdministrationPage, hub: HubDep, session: SessionDep, sent: Annotated[HandedIn, Depends(handed_in)]
) -> HTMLResponse:
    """Add a pack; the page then says what became of its contracts."""
    require_csrf(page, sent.csrf)
    return _acted(page, hub, session, "add", lambda: _added(hub, page, sent))


def _added(hub: Hub, page: Page, sent: HandedIn) -> AddedPack:
    require(hub, page.subject, "pack.add")
    if sent.file is None or not sent.file.filename:
        raise fault("请选择文件", "choose a file")
    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=hub.settings.scratch) as folder:
        path = Path(folder) / "pack.zip"
        with path.open("wb") as target:
            shutil.copyfileobj(sent.file.file, target)
        return packs.add(hub, page.subject, given(AddPack, file=path, filename=landing.told_name(sent.file.filename)))


@router.post("/{name}/remove", response_class=HTMLResponse)
def remove(page: AdministrationPage, hub: HubDep, session: SessionDep, form: AdministrationForm, name: str) -> HTMLResponse:
    """Take a pack out of use."""
    require_csrf(page, form.text("csrf"))

    def act() -> BaseModel:
        return packs.remove(hub, page.subject, given(RemovePack, pack=name, keep_datasets=form.text("keep_datasets") == "yes"))

    return _acted(page, hub, session, "remove", act)


def _acted(page: Page, hub: Hub, session: Session, form: str, act: Callable[[], BaseModel]) -> HTMLResponse:
    """Do what one of the page's forms asks for; the page says what came of it."""
    session.rollback()  # the act has a transaction of its own
    try:
        done = act()
    except HubError as error:
        if not correctable(error):
            raise
        return _page(page, hub, session, wrong=error, form=form)
    return _page(page, hub, session, done=done, form=form)


def _page(
    page: Page, hub: Hub, session: Session, *, done: BaseModel | None = None, wrong: HubError | None = None, form: str = ""
) -> HTMLResponse:
    may = access.may(session, page.subject, packs.ADMINISTER)
    session.rollback()  # looking is an act: it has a transaction of its own
    found = packs.list_packs(hub, page.subject, ListPacks(past=True))
    context = {"packs": found.packs, "may_administer": may, "done": done, "wrong": wrong, "form": form}
    return render(page, "administration/packs.html", status=422 if wrong else 200, **context)
