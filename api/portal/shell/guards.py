"""What every page asks first: who is there, in which language, and whether the operations' places are theirs to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from sqlmodel import Session

from api.http.dependencies import SessionDep, SettingsDep, SubjectDep
from api.portal.shell.footer import owner, verified
from api.portal.shell.page import PLACES, Page, Place, page_of
from api.portal.shell.preferences import preferences
from catalog import access
from catalog.identity.people import Subject
from catalog.overview.inbox import inbox


class SignInFirst(Exception):
    """An unknown reader asked for a page that is not for everybody; they are led to the sign-in and back."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.location = f"/sign-in?next={quote(wanted, safe='')}"


def at(place: str) -> Callable[..., Page]:
    """A dependency that makes the frame of a page in a place. Only the catalogue is open to unknown readers."""

    def frame(request: Request, settings: SettingsDep, session: SessionDep, subject: SubjectDep) -> Page:
        inside = operates(session, subject)
        if place not in ("", "catalogue"):
            require_operations(request, session, subject)
        places = open_places(inside=inside)
        name, name_en = owner(session)
        line = verified(session, preferences(request).language) if subject.kind != "anonymous" else ""
        tasks = len(inbox(session, subject).own) if inside else 0
        more = {"owner": name, "owner_en": name_en, "verified": line, "tasks": tasks}
        return page_of(request, settings, subject, place, places=places, **more)

    return frame


def open_places(*, inside: bool) -> tuple[Place, ...]:
    """The places of a reader: all for those who have to do with how data comes, the catalogue for everybody."""
    return tuple(place for place in PLACES if inside or place.name == "catalogue")


def operates(session: Session, subject: Subject) -> bool:
    """Whether the reader has to do with how data comes: acquisitions, batches, collections."""
    return access.may(session, subject, "see-operations")


def require_operations(request: Request, session: Session, subject: Subject) -> None:
    """Lead unknown readers to the sign-in; refuse others by the policy that says so."""
    if subject.kind == "anonymous":
        raise SignInFirst(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    access.require(session, subject, "see-operations", None)


def require_csrf(page: Page, token: str) -> None:
    """Refuse a form that did not come from one of this reader's own pages."""
    import hmac

    if not page.subject.csrf or not hmac.compare_digest(page.subject.csrf.encode(), token.encode()):
        raise HTTPException(403, "csrf")


AnyPage = Annotated[Page, Depends(at(""))]
CataloguePage = Annotated[Page, Depends(at("catalogue"))]
AcquirePage = Annotated[Page, Depends(at("acquire"))]
BatchesPage = Annotated[Page, Depends(at("batches"))]
InboxPage = Annotated[Page, Depends(at("inbox"))]
CollectPage = Annotated[Page, Depends(at("collect"))]
