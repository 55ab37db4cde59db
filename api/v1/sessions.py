"""The caller's own portal sessions: listed, and ended one by one."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, KeyHolder, KeyNotValid, SessionDep, SubjectDep
from catalog.identity import signins
from catalog.identity.people import Person, Subject
from hub.acts import given
from hub.keys import EndSession, end_session

router = APIRouter(tags=["sessions"])


class SessionOut(BaseModel):
    """One open session; its number opens nothing."""

    id: str
    begun_at: datetime
    expires_at: datetime
    address: str
    key_prefix: str


@router.get("/sessions", summary="Your open portal sessions")
def sessions(session: SessionDep, subject: SubjectDep) -> list[SessionOut]:
    """Where you are signed in to the portal, newest first, and the key each was begun with."""
    found = signins.listed(session, _person(session, subject))
    return [SessionOut.model_validate(one, from_attributes=True) for one in found]


@router.delete("/sessions/{number}", status_code=204, summary="End one of your sessions", response_class=Response)
def end(number: str, hub: HubDep, subject: KeyHolder) -> Response:
    """Its next request is nobody's. By key only: a browser's cookie must not be enough."""
    end_session(hub, subject, given(EndSession, session=number))
    return Response(status_code=204)


def _person(session: Session, subject: Subject) -> Person:
    person = session.get(Person, subject.person_id) if subject.kind == "key" else None
    if person is None:
        raise KeyNotValid
    return person
