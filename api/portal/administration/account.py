"""我的账户: who the reader is here, the password, and keys for programs of their own."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.forms import AccountForm, Form, correctable, perform
from api.portal.shell.guards import AnyPage, SignInFirst, require_csrf
from api.portal.shell.page import Page, render, secured
from catalog import access
from catalog.identity import people
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from contracts.errors import HubError
from hub import keys, own
from hub.acts import given
from hub.keys import IssuedKey, RevokeKey
from hub.own import OwnKey, OwnPassword
from hub.people import key_state

router = APIRouter(prefix="/account", include_in_schema=False)
ACCOUNT = "/account"
PROFILE = "hui.share"


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep) -> HTMLResponse:
    """The reader's own account."""
    return _account(page, session)


@router.post("/password", response_class=HTMLResponse)
def password(page: AnyPage, hub: HubDep, session: SessionDep, form: AccountForm) -> Response:
    """Change the reader's own password."""

    def act() -> object:
        fields = form.values("old", "new")
        return own.change_password(hub, page.subject, given(OwnPassword, **fields, revoke_keys="revoke_keys" in form.fields))

    def again(error: HubError) -> Response:
        return _account(page, session, error, "password")

    return perform(page, session, form, act, f"{ACCOUNT}?changed=password", again)


@router.post("/keys", response_class=HTMLResponse)
def make_key(page: AnyPage, hub: HubDep, session: SessionDep, form: AccountForm) -> Response:
    """Make the reader a key: shown this once, or as a Delta Sharing profile to be kept as a file."""
    require_csrf(page, form.text("csrf"))
    session.rollback()  # the act has a transaction of its own
    try:
        issued = own.make_key(hub, page.subject, given(OwnKey, **form.values("password", "label", "days")))
    except HubError as error:
        if not correctable(error):
            raise
        return _account(page, session, error, "key", form)
    if form.text("give") == "profile":
        return _profile(page, issued)
    return render(page, "administration/key.html", issued=issued, back=ACCOUNT)


@router.post("/keys/{prefix}/revoke", response_class=HTMLResponse)
def revoke(page: AnyPage, hub: HubDep, session: SessionDep, prefix: str, form: AccountForm) -> Response:
    """Take one of the reader's own keys back."""

    def act() -> object:
        return keys.revoke_key(hub, page.subject, given(RevokeKey, prefix=prefix))

    return perform(page, session, form, act, ACCOUNT, lambda error: _account(page, session, error, "key"))


def _profile(page: Page, issued: IssuedKey) -> Response:
    assert issued.expires_at is not None  # noqa: S101 - one's own keys all expire
    text = keys.profile_text(page.settings.public_url, issued.key, issued.expires_at)
    answer = Response(text, media_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{PROFILE}"'
    secured(answer)
    return answer


def _account(
    page: Page, session: Session, wrong: HubError | None = None, where: str = "", form: Form | None = None
) -> HTMLResponse:
    person = session.get(Person, page.subject.person_id) if page.subject.person_id else None
    if person is None:
        raise SignInFirst(ACCOUNT)
    return render(
        page,
        "administration/account.html",
        status=422 if wrong else 200,
        person=person,
        organization=session.get(Organization, person.organization_id),
        keys=[key_state(key) for key in people.keys_of(session, person)],
        may_make_key=access.may(session, page.subject, "own-key"),
        shortest=people.SHORTEST_PASSWORD,
        wrong=wrong,
        where=where,
        form=form or Form(),
        changed=page.request.query_params.get("changed", ""),
    )
