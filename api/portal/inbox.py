"""待办: everything that waits for the reader, most pressing first."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.dependencies import SessionDep
from api.portal.doors import InboxPage
from api.portal.frame import render
from api.portal.waiting import waiting
from catalog.inbox import inbox

router = APIRouter(include_in_schema=False)


@router.get("/inbox", response_class=HTMLResponse)
def tasks(page: InboxPage, session: SessionDep) -> HTMLResponse:
    """The reader's tasks with their clocks."""
    return render(page, "pages/inbox.html", waiting=waiting(session, inbox(session, page.subject)))
