"""来函: a body without an account sees, answers and signs the one request that its link opens.

The link itself is the proof: no other page knows it, so that no form of another site can send to it, and there is no cookie
that could come along. It ends with the answer, with its day, or when a newer one is made (`catalog.acquisition.answer_links`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http import errors
from api.http.dependencies import HubDep, SessionDep, address_of, attempts_of
from api.portal.acquisition import faults, terms_form
from api.portal.acquisition.agreement_words import ANSWERS, FIELDS, SETTLED, STATES, STEPS
from api.portal.shell.forms import Form, correctable, read
from api.portal.shell.guards import AnyPage
from api.portal.shell.page import Page, render
from catalog.acquisition import answer_links
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.answer_links import LinkOver
from catalog.identity import organizations
from catalog.identity.attempts import TooManyAttempts
from catalog.identity.people import Subject
from contracts.errors import HubError
from hub import agreement_view
from hub.acts import ACTS, given, known_agreement
from hub.agreement_view import AgreementState

errors.also(LinkOver, 410, "link-over")
router = APIRouter(prefix="/letters/{token}", include_in_schema=False)
ACTIONS: Mapping[str, tuple[str, Callable[[Form], dict[str, Any]]]] = {
    "ask": ("need.ask", lambda form: form.values("missing")),
    "answer": ("need.answer", terms_form.answer),
    "sign": ("agreement.sign", lambda form: {}),
    "comment": ("need.comment", lambda form: {"text": form.text("words")}),
}
"""The name of a form's button, its act and what it is given."""


async def _form(page: AnyPage) -> AsyncIterator[Form]:
    async for form in read(page):
        yield form


LetterForm = Annotated[Form, Depends(_form)]


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep, token: str) -> HTMLResponse:
    """The request, its history, and the forms to ask, comment and answer."""
    return _whole(page, session, token)


@router.post("", response_class=HTMLResponse)
def act(page: AnyPage, hub: HubDep, session: SessionDep, token: str, form: LetterForm) -> Response:
    """Do what was asked for; after the answer or the signature the link opens nothing any more, and the page says so."""
    agreement, subject = _opened(page, session, token)
    name, values = ACTIONS.get(form.text("do"), ACTIONS["comment"])
    number = agreement.id
    session.rollback()  # the act has a transaction of its own
    try:
        done = ACTS[name].does(hub, subject, given(ACTS[name].takes, agreement=number, **values(form)))
    except HubError as error:
        if not correctable(error):
            raise
        return _whole(page, session, token, form, error)
    if name in ("need.answer", "agreement.sign"):
        assert isinstance(done, AgreementState)  # noqa: S101 - what the act gives
        return _page(page, session, done, answered=True)
    return _whole(page, session, token)


def _opened(page: Page, session: Session, token: str) -> tuple[Agreement, Subject]:
    """What the link opens; who tries many that open nothing has to wait."""
    who = f"{address_of(page.request)} letter"
    if wait := attempts_of(page.request).wait(who):
        raise TooManyAttempts(wait)
    try:
        return answer_links.opened(session, token)
    except LinkOver:
        attempts_of(page.request).failed(who)
        raise


def _whole(page: Page, session: Session, token: str, form: Form | None = None, wrong: HubError | None = None) -> HTMLResponse:
    opened, subject = _opened(page, session, token)
    agreement = known_agreement(session, subject, opened.id)
    return _page(page, session, agreement_view.state(session, subject, agreement), form, wrong)


def _page(
    page: Page,
    session: Session,
    agreed: AgreementState,
    form: Form | None = None,
    wrong: HubError | None = None,
    *,
    answered: bool = False,
) -> HTMLResponse:
    asks = organizations.own_id(session)
    named = {one.organization for one in agreed.steps} | {agreed.provider, asks}
    answer = render(
        replace(page, place=""),
        "acquisition/letter.html",
        status=422 if wrong else 200,
        agreed=agreed,
        answered=answered,
        asks=asks,
        organizations=organizations.by_id(session, named),
        states=STATES,
        steps=STEPS,
        fields=FIELDS,
        answers=ANSWERS,
        settled=SETTLED,
        form=form or Form(),
        faults=faults.of(wrong),
    )
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
