"""协议: one need from entry to end: its terms, channels, the steps taken, and what the reader can do with it now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel
from sqlmodel import Session, col, select
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.acquisition import channel_test, faults, terms_form
from api.portal.acquisition.agreement_words import ACTIONS, ANSWERS, DANGER, FIELDS, PRIMARY, SETTLED, STATES, STEPS
from api.portal.acquisition.channel_test import Look
from api.portal.acquisition.completeness import due_words
from api.portal.shell.forms import AcquireForm, Form, perform
from api.portal.shell.guards import AcquirePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access, workdays, workflow
from catalog.acquisition import agreements, negotiation
from catalog.acquisition.agreements import Agreement
from catalog.entries.resources import Resource
from catalog.identity import organizations
from catalog.identity.people import Person
from contracts.errors import HubError
from hub import agreement_view
from hub.acts import ACTS, given, known_agreement
from hub.agreement_view import AgreementState

router = APIRouter(prefix="/agreements/{number}", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class AgreementPage:
    """An agreement as its pages show it."""

    agreement: Agreement
    state: AgreementState
    resource: Resource | None
    actions: tuple[str, ...]


@router.get("", response_class=HTMLResponse)
def show(page: AcquirePage, session: SessionDep, number: str) -> HTMLResponse:
    """The common part, terms, channels, history, and what can be done now."""
    return _whole(page, session, number)


@router.get("/test")
def tested(number: str) -> Response:
    """A test that was asked for is not done again by coming back to its address."""
    return RedirectResponse(f"/agreements/{quote(number, safe='')}", 303)


@router.post("/test", response_class=HTMLResponse)
def test(page: AcquirePage, hub: HubDep, session: SessionDep, number: str, form: AcquireForm) -> HTMLResponse:
    """Look at what one of its channels holds; nothing is taken."""
    require_csrf(page, form.text("csrf"))
    session.rollback()  # the act has a transaction of its own
    return _whole(page, session, number, channel_test.of_agreement(hub, page.subject, number, form.text("channel")))


def _whole(page: Page, session: Session, number: str, look: Look | None = None) -> HTMLResponse:
    shown = _shown(page, session, number)
    named = {one.organization for one in shown.state.steps} | {shown.state.provider, *shown.state.agencies}
    named |= {one.provider for one in shown.state.searched.found} if shown.state.searched is not None else set()
    return render(
        page,
        "acquisition/agreement.html",
        shown=shown,
        agreed=shown.state,
        states=STATES,
        steps=STEPS,
        answers=ANSWERS,
        settled=SETTLED,
        fields=FIELDS,
        names=_names(session, shown),
        organizations=organizations.by_id(session, named),
        calendar=workdays.calendar(session),
        kinds=terms_form.KINDS,
        when=due_words(page.language, shown.agreement) if shown.agreement.route == "collect" else "",
        priced=access.may(session, page.subject, "see-price", shown.agreement),
        sees_channels=agreement_view.sees_channels(session, page.subject, shown.agreement),
        sees_attempts=access.may(session, page.subject, "see-attempts"),
        may_test=access.may(session, page.subject, ACTS["channel.test"].policy, shown.agreement),
        look=look,
        offered=ACTIONS,
        primary=PRIMARY,
        danger=DANGER,
    )


@router.get("/{action}", response_class=HTMLResponse)
def ask(page: AcquirePage, session: SessionDep, number: str, action: str) -> HTMLResponse:
    """An action's own page: what will follow, and what it needs."""
    return _form(page, session, number, action)


@router.post("/{action}", response_class=HTMLResponse)
def answer(page: AcquirePage, hub: HubDep, session: SessionDep, number: str, action: str, form: AcquireForm) -> Response:
    """Do it, and go back to the agreement."""
    request = REQUESTS.get(action)
    if request is None:
        raise agreements.UnknownAgreement(f"{number}/{action}")
    agreement = known_agreement(session, page.subject, number)
    if form.text("do") == "test":
        require_csrf(page, form.text("csrf"))
        route = agreement.route
        session.rollback()
        return _form(page, session, number, action, form, look=channel_test.of_form(hub, page.subject, form, route, number))
    act = ACTS[ACTIONS[action].act]
    made: list[BaseModel] = []
    done = perform(
        page,
        session,
        form,
        lambda: made.append(act.does(hub, page.subject, given(act.takes, agreement=number, **request(form, agreement)))),
        f"/agreements/{number}",
        lambda error: _form(page, session, number, action, form, error),
    )
    if act.secret and made:  # shown this once, on this answer only
        return render(page, "acquisition/link.html", made=made[0], back=f"/agreements/{number}")
    return done


def _change(form: Form, agreement: Agreement) -> dict[str, Any]:
    """Everything where it is not signed yet; of an agreement in force the channel."""
    values: dict[str, Any] = {"reason": form.text("reason")}
    if form.text("whole") == "1":
        values |= terms_form.common(form) | terms_form.terms(form, agreement.route)
        values["valid_until"] = form.text("valid_until") or None
    before = [one.whole() for one in agreement.channels]
    wanted = terms_form.channels(form, before)
    return values if wanted == before else values | {"channels": wanted}


REQUESTS: Mapping[str, Callable[[Form, Agreement], dict[str, Any]]] = {
    "consent": lambda form, agreement: form.values("decision", "head", "document", "text"),
    "send": lambda form, agreement: {},
    "link": lambda form, agreement: form.values("days") if form.text("days") else {},
    "ask": lambda form, agreement: form.values("missing"),
    "complete": lambda form, agreement: form.values("text"),
    "answer": lambda form, agreement: terms_form.answer(form),
    "extend": lambda form, agreement: form.values("authority", "reason"),
    "comment": lambda form, agreement: form.values("text"),
    "remind": lambda form, agreement: form.values("text"),
    "dispute": lambda form, agreement: form.values("reason"),
    "settle": lambda form, agreement: form.values("outcome", "body", "text"),
    "sign": lambda form, agreement: {"valid_until": form.text("valid_until") or None},
    "change": _change,
    "renew": lambda form, agreement: {"valid_until": form.text("valid_until"), "reason": form.text("reason")},
    "end": lambda form, agreement: {"reason": form.text("reason")},
}
"""What an act is given, from the form of its page."""


def _shown(page: Page, session: Session, number: str) -> AgreementPage:
    agreement = known_agreement(session, page.subject, number)
    state = agreement_view.state(session, page.subject, agreement)
    resource = session.exec(select(Resource).where(Resource.name == agreement.dataset)).first()
    actions = tuple(action for action, one in ACTIONS.items() if one.act in state.possible)
    return AgreementPage(agreement, state, resource, actions)


def _names(session: Session, shown: AgreementPage) -> dict[str, Person]:
    """People whom the page names, by login."""
    logins = {one.by for one in shown.state.steps} | {shown.state.steward or ""}
    return {one.login: one for one in session.exec(select(Person).where(col(Person.login).in_(logins)))}


def _form(
    page: Page,
    session: Session,
    number: str,
    action: str,
    form: Form | None = None,
    wrong: HubError | None = None,
    look: Look | None = None,
) -> HTMLResponse:
    shown = _shown(page, session, number)
    if action not in ACTIONS:
        raise agreements.UnknownAgreement(f"{number}/{action}")
    act = ACTIONS[action].act
    submitter = agreement_view.submitted(session, page.subject, shown.agreement, act)
    access.require(session, page.subject, ACTS[act].policy, shown.agreement, submitter=submitter)
    if action not in shown.actions and wrong is None:
        raise negotiation.not_now(shown.agreement)
    known = organizations.bodies(session, active=True)
    before = terms_form.filled(shown.agreement, shown.state.agencies) if action == "change" else Form()
    return render(
        page,
        "acquisition/step.html",
        status=422 if wrong else 200,
        shown=shown,
        agreed=shown.state,
        states=STATES,
        action=action,
        known=ACTIONS[action],
        answers=ANSWERS,
        settled=SETTLED,
        form=form or before,
        route_kind=shown.agreement.route,
        whole=any(
            not one.choice for one in workflow.possible(shown.agreement.state, shown.agreement.route, "agreement.change")
        ),
        organizations=known,
        agencies=[one for one in known if one.kind == "agency"],
        offered=terms_form,
        look=look,
        faults=faults.of(wrong or (look.wrong if look else None)),
    )
