"""登记数据: a file is uploaded, what it leaves open is answered on its page, its draft is edited, and it is loaded."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.http.limits import LARGEST_FILE
from api.portal.shell.background import follow
from api.portal.shell.guards import CataloguePage, SignInFirst, require_csrf
from api.portal.shell.handed_in import HandedIn, form_of
from api.portal.shell.page import Page, render
from catalog import access
from catalog.deliveries import batches
from catalog.entries import editing
from contracts.checks.formats import registry as formats
from contracts.errors import HubError
from contracts.model import Type
from contracts.odcs.findings import InvalidContract
from hub import onboarding
from hub.acts import given
from hub.edited_draft import EditItem, Onboard
from hub.file_answers import FileAnswer
from hub.hub import Hub
from hub.onboarding import AnswerFile, DiscardFile, InspectFile
from hub.waiting_files import DraftItem, WaitingFile

router = APIRouter(prefix="/onboard", include_in_schema=False)
EDITABLE = 300
"""Items that the page edits; a wider draft is loaded as it is, and its contract edited then."""
SHOWN = 3
"""Values beside an item."""
GRADES = ("L1", "L2", "L3", "L4")


def allowed(page: CataloguePage, hub: HubDep) -> Page:
    """The frame, for who may make datasets; nobody else's form is read."""
    if not page.known:
        raise SignInFirst(page.request.url.path)
    onboarding.may_onboard(hub, page.subject)
    return page


OnboardPage = Annotated[Page, Depends(allowed)]


@dataclass(frozen=True, slots=True)
class OnboardForm:
    """A form of these pages."""

    csrf: str = ""
    text: Mapping[str, str] = field(default_factory=dict)


async def file_of(page: OnboardPage) -> AsyncIterator[HandedIn]:
    """The form with the file."""
    async with form_of(page) as sent:
        yield sent


async def sent_in(page: OnboardPage) -> AsyncIterator[OnboardForm]:
    """A form without one."""
    async with page.request.form(max_files=0, max_fields=EDITABLE * 10 + 100) as form:
        text = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        yield OnboardForm(text.get("csrf", ""), text)


SentDep = Annotated[OnboardForm, Depends(sent_in)]


@router.get("", response_class=HTMLResponse)
def start(page: OnboardPage, hub: HubDep) -> HTMLResponse:
    """Where a file is handed in, and the reader's own that wait."""
    return _start(page, hub)


@router.post("", response_class=HTMLResponse, max_body_size=LARGEST_FILE)
def upload(page: OnboardPage, hub: HubDep, sent: Annotated[HandedIn, Depends(file_of)]) -> Response:
    """Take a file; then its page."""
    require_csrf(page, sent.csrf)
    if sent.file is None or not sent.file.filename:
        return _start(page, hub, HubError("请选择文件。", "Choose a file."))
    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=hub.settings.scratch) as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            shutil.copyfileobj(sent.file.file, target)
        try:
            seen = onboarding.inspect(hub, page.subject, InspectFile(file=path, filename=sent.file.filename[:1000]))
        except access.Refused:
            raise
        except HubError as wrong:
            return _start(page, hub, wrong)
    return RedirectResponse(f"/onboard/{seen.id}", 303)


@router.get("/{number}", response_class=HTMLResponse)
def show(page: OnboardPage, hub: HubDep, session: SessionDep, number: str) -> HTMLResponse:
    """Its questions, its draft, or what became of it."""
    return _show(page, hub, session, number)


@router.post("/{number}/answers", response_class=HTMLResponse)
def answer(page: OnboardPage, hub: HubDep, session: SessionDep, number: str, sent: SentDep) -> Response:
    """Take the answers, and look at the file again."""
    require_csrf(page, sent.csrf)
    session.rollback()  # the act has a transaction of its own
    answers = [
        FileAnswer(option=option, value=value)
        for name, option in sent.text.items()
        if name.startswith("option-")
        and (value := (sent.text.get(f"other-{name[7:]}") or sent.text.get(f"choice-{name[7:]}") or "")[:1000])
    ]
    try:
        onboarding.answer(hub, page.subject, given(AnswerFile, onboarding=number, answers=answers))
    except access.Refused:
        raise
    except HubError as wrong:
        return _show(page, hub, session, number, wrong, sent)
    return RedirectResponse(f"/onboard/{number}", 303)


@router.post("/{number}/discard", response_class=HTMLResponse)
def discard(page: OnboardPage, hub: HubDep, number: str, sent: SentDep) -> Response:
    """Give it up."""
    require_csrf(page, sent.csrf)
    onboarding.discard(hub, page.subject, given(DiscardFile, onboarding=number))
    return RedirectResponse("/onboard", 303)


@router.post("/{number}", response_class=HTMLResponse)
def load(page: OnboardPage, hub: HubDep, session: SessionDep, number: str, sent: SentDep) -> Response:
    """Load it with its draft as edited; with faults the page comes back as it was sent."""
    require_csrf(page, sent.csrf)
    session.rollback()  # the act has transactions of its own

    def again(wrong: HubError) -> Response:
        if onboarding.seen(hub, page.subject, number).questions:
            return RedirectResponse(f"/onboard/{number}", 303)  # they stand there
        return _show(page, hub, session, number, wrong, sent)

    whole = {name: sent.text.get(name, "") for name in ("dataset", "title", "title_en", "owner")}
    try:
        draft = given(Onboard, onboarding=number, items=_edits(sent), **whole)
        return follow(hub, page, "onboard", draft, again)
    except access.Refused:
        raise
    except HubError as wrong:
        return again(wrong)


def _edits(sent: OnboardForm) -> list[EditItem]:
    """What the table of items says; a box without a tick is a no."""
    edits = []
    for name, item in sent.text.items():
        if name.startswith("item-"):
            place = name[5:]
            values = {one: sent.text.get(f"{one}-{place}", "") for one in ("name", "title", "type", "format", "grade")}
            ticks = {one: f"{one}-{place}" in sent.text for one in ("required", "key")}
            edits.append(given(EditItem, item=item, **values, **ticks))
    return edits


def _start(page: Page, hub: Hub, wrong: HubError | None = None) -> HTMLResponse:
    waiting = onboarding.waiting(hub, page.subject)
    return render(page, "pages/onboard.html", status=422 if wrong else 200, waiting=waiting, wrong=wrong)


def _show(
    page: Page, hub: Hub, session: Session, number: str, wrong: HubError | None = None, sent: OnboardForm | None = None
) -> HTMLResponse:
    seen = onboarding.seen(hub, page.subject, number)
    status, sent = 422 if wrong else 200, sent or OnboardForm()
    common: dict[str, Any] = {"seen": seen, "wrong": wrong, "sent": sent.text}
    if seen.state == "questions":
        return render(page, "pages/onboard_questions.html", status=status, **common)
    if seen.state == "draft":
        findings = wrong.findings if isinstance(wrong, InvalidContract) else ()
        more = {"findings": findings, "providers": editing.providers(session), "samples": _samples(seen)}
        choices = {"types": tuple(Type), "formats": tuple(formats.formats().values()), "grades": GRADES}
        values = [_shown(item, place, sent.text) for place, item in enumerate(seen.items)]
        editable = len(seen.items) <= EDITABLE
        return render(
            page, "pages/onboard_draft.html", status=status, values=values, editable=editable, **common, **more, **choices
        )
    batch = batches.get(session, seen.batch) if seen.batch else None
    return render(page, "pages/onboard_result.html", status=status, batch=batch, **common)


def _shown(item: DraftItem, place: int, text: Mapping[str, str]) -> dict[str, Any]:
    """An item's fields: as they were sent, else as drafted."""
    drafted = item.model_dump() | {"key": bool(item.key)}
    if f"item-{place}" not in text:
        return drafted
    words = {one: text.get(f"{one}-{place}", "") for one in ("title", "type", "format", "grade")}
    ticks = {one: f"{one}-{place}" in text for one in ("required", "key")}
    return drafted | words | ticks | {"wanted": text.get(f"name-{place}", "")}


def _samples(seen: WaitingFile) -> list[list[str]]:
    """Some values of each item, different ones; of personal items and those of a grade above L2 none."""
    columns: list[list[str]] = []
    for place, item in enumerate(seen.items):
        values = dict.fromkeys(row[place] for row in seen.rows if place < len(row) and row[place])
        shown = [value for value in values if value is not None][:SHOWN]
        columns.append([] if item.personal or item.grade in ("L3", "L4") else shown)
    return columns
