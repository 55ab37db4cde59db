"""What every page asks first: who is there, in which language, and whether the operations' places are theirs to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from sqlmodel import Session

from api.http.dependencies import SessionDep, SettingsDep, SubjectDep
from api.portal.shell.domain import domain
from api.portal.shell.footer import owner, verified
from api.portal.shell.page import PLACES, NavigationPlace, Page, page_of
from api.portal.shell.preferences import preferences
from catalog import access
from catalog.identity.people import Subject
from catalog.overview.inbox import waiting
from catalog.overview.task_counts import TaskCounts

OPERATIONS = "see-operations"
RIGHTS = {"catalogue": "", "administration": "administer", "audit": "audit-read", "query": "ask-questions"}
"""What a place asks of the policies; those not named are for people who have to do with how data comes."""
OPEN_PLACES = tuple(place for place in PLACES if place.name == "catalogue")
"""For readers who have not signed in."""


class SignInFirst(Exception):
    """An unknown reader asked for a page that is not for everybody; they are led to the sign-in and back."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.location = f"/sign-in?next={quote(wanted, safe='')}"


def at(place: str) -> Callable[..., Page]:
    """A dependency that makes the frame of a page in a place. Only the catalogue is open to unknown readers."""

    def frame(request: Request, settings: SettingsDep, session: SessionDep, subject: SubjectDep) -> Page:
        places = places_of(session, subject)
        if place and place not in (one.name for one in places):
            require_right(request, session, subject, right_to(place))
        inside = any(right_to(one.name) == OPERATIONS for one in places)
        name, name_en = owner(session)
        line = verified(session, preferences(request).language) if subject.kind != "anonymous" else ""
        tasks = waiting(session, subject) if inside else TaskCounts()
        more = {
            "owner": name,
            "owner_en": name_en,
            "verified": line,
            "tasks": tasks.own,
            "tasks_late": tasks.late,
            "tasks_followed": tasks.followed,
            "domain": domain(session),
        }
        return page_of(request, settings, subject, place, places=places, **more)

    return frame


def places_of(session: Session, subject: Subject) -> tuple[NavigationPlace, ...]:
    """The places of a reader: those to which the policies give a right; the catalogue for everybody."""
    if subject.kind == "anonymous":
        return OPEN_PLACES
    rights = {right_to(place.name) for place in PLACES}
    given = {right for right in rights if not right or access.may(session, subject, right)}
    return tuple(place for place in PLACES if right_to(place.name) in given)


def right_to(place: str) -> str:
    """The action that the policies are asked before a place is entered; empty: none."""
    return RIGHTS.get(place, OPERATIONS)


def require_right(request: Request, session: Session, subject: Subject, right: str) -> None:
    """Lead unknown readers to the sign-in; refuse others by the policy that says so."""
    if subject.kind == "anonymous":
        raise SignInFirst(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    access.require(session, subject, right, None)


def require_csrf(page: Page, token: str) -> None:
    """Refuse a form that did not come from one of this reader's own pages."""
    import hmac

    if not page.subject.csrf or not hmac.compare_digest(page.subject.csrf.encode(), token.encode()):
        raise HTTPException(403, "csrf")


AnyPage = Annotated[Page, Depends(at(""))]
CataloguePage = Annotated[Page, Depends(at("catalogue"))]
AcquirePage = Annotated[Page, Depends(at("acquire"))]
BatchesPage = Annotated[Page, Depends(at("batches"))]
QueryPage = Annotated[Page, Depends(at("query"))]
InboxPage = Annotated[Page, Depends(at("inbox"))]
AdministrationPage = Annotated[Page, Depends(at("administration"))]
AuditPage = Annotated[Page, Depends(at("audit"))]
CollectPage = Annotated[Page, Depends(at("collect"))]
