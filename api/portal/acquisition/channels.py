"""通道: what came of each look at an agreement's channel, and which fail again and again; for those who mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session, col, select

from api.http.dependencies import SessionDep
from api.portal.acquisition.terms_form import KINDS
from api.portal.shell.guards import AcquirePage
from api.portal.shell.page import render
from api.portal.wording.i18n import N_
from api.portal.wording.labels import Word
from catalog import access
from catalog.acquisition import channels
from catalog.acquisition.agreements import Agreement

router = APIRouter(include_in_schema=False)
SIZE = 50
OFFERED = 200
"""Agreements that the filter offers; any other may be typed."""
OUTCOMES: Mapping[str, Word] = {
    channels.TAKEN: Word(N_("已收取"), "check", "ok"),
    channels.NOTHING: Word(N_("无新数据")),
    channels.FAILED: Word(N_("失败"), "x", "fault"),
}


@router.get("/attempts", response_class=HTMLResponse)
def attempts(page: AcquirePage, session: SessionDep) -> HTMLResponse:
    """The looks at the channels, newest first, and those that fail in a row."""
    access.require(session, page.subject, "see-attempts", None)
    asked = page.request.query_params
    outcome = asked.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    agreement, told = asked.get("agreement", "")[:200], asked.get("page", "1")
    number = max(int(told), 1) if told.isdecimal() and len(told) < 7 else 1
    found = channels.listed(session, agreement=agreement, outcome=outcome, limit=SIZE + 1, after=(number - 1) * SIZE)
    return render(
        page,
        "pages/attempts.html",
        found=found[:SIZE],
        more=len(found) > SIZE,
        number=number,
        outcome=outcome,
        agreement=agreement,
        agreements=_offered(session),
        outcomes=OUTCOMES,
        kinds=KINDS,
        failing=channels.failing(session),
    )


def _offered(session: Session) -> Sequence[tuple[str, str, str]]:
    """Number and titles of the first agreements that have a channel."""
    asked = select(Agreement.id, Agreement.title, Agreement.title_en).where(col(Agreement.channels).any())
    return session.exec(asked.order_by(col(Agreement.id)).limit(OFFERED)).all()
