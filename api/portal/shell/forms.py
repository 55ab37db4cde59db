"""A form as it came, read only once the page knows who sends it; and what becomes of it: an act, then a page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.portal.shell.guards import AcquirePage, AdministrationPage, AnyPage, AuditPage, require_csrf
from api.portal.shell.page import Page
from catalog.access import Refused
from catalog.identity.attempts import TooManyAttempts
from catalog.identity.passwords import SignInBusy
from contracts.errors import HubError
from hub.own import WrongPassword


@dataclass(frozen=True, slots=True)
class Form:
    """Text fields by name, each with all its values."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        values = self.fields.get(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """Every value of a field, as boxes send them."""
        return list(self.fields.get(name, ()))

    def values(self, *names: str) -> dict[str, str]:
        """The fields of these names that were sent."""
        return {name: self.text(name) for name in names if name in self.fields}


async def read(page: Page, most: int = 200) -> AsyncIterator[Form]:
    """The form of a request, of so many fields at most."""
    async with page.request.form(max_files=0, max_fields=most) as sent:
        texts = {name: [value for value in sent.getlist(name) if isinstance(value, str)] for name in sent}
        yield Form({name: tuple(values) for name, values in texts.items()})


async def of_administration(page: AdministrationPage) -> AsyncIterator[Form]:
    """A form of an administrator's page."""
    async for form in read(page):
        yield form


async def of_acquisition(page: AcquirePage) -> AsyncIterator[Form]:
    """A form about a need or an agreement; a collection names each agency that reports."""
    async for form in read(page, 6000):
        yield form


async def of_audit(page: AuditPage) -> AsyncIterator[Form]:
    """A form of an auditor's page."""
    async for form in read(page):
        yield form


async def of_account(page: AnyPage) -> AsyncIterator[Form]:
    """A form of a page for everybody; one who has not signed in sends none."""
    if not page.known:
        yield Form()
        return
    async for form in read(page):
        yield form


AdministrationForm = Annotated[Form, Depends(of_administration)]
AcquireForm = Annotated[Form, Depends(of_acquisition)]
AuditForm = Annotated[Form, Depends(of_audit)]
AccountForm = Annotated[Form, Depends(of_account)]


def perform(
    page: Page,
    session: Session,
    form: Form,
    act: Callable[[], object],
    address: str,
    again: Callable[[HubError], Response],
) -> Response:
    """Do an act that a form asks for: then `address`, or the page again with what was wrong.

    A refusal is a page of its own, but for a wrong password; so is what is not the form's fault (too many at once).
    """
    require_csrf(page, form.text("csrf"))
    session.rollback()  # the act has a transaction of its own
    try:
        act()
    except HubError as error:
        if not correctable(error):
            raise
        return again(error)
    return RedirectResponse(address, 303)


def correctable(error: HubError) -> bool:
    """Whether whoever filled in the form can put it right there."""
    return isinstance(error, WrongPassword) or not isinstance(error, (Refused, TooManyAttempts, SignInBusy))
