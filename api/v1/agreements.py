"""Needs and agreements: how data come, with their history; the register of those who see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.http.dependencies import SessionDep, SubjectDep
from catalog import access
from hub import agreement_view
from hub.acts import known_agreement
from hub.agreement_view import AgreementState, AgreementSummary

router = APIRouter(tags=["agreements"])
Word = Annotated[str, Query(max_length=200)]


@router.get("/agreements", summary="Agreements")
def agreements(
    session: SessionDep,
    subject: SubjectDep,
    route: Word = "",
    state: Word = "",
    dataset: Word = "",
    provider: Word = "",
    after: Annotated[str, Query(max_length=64, description="The number of the last one of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = agreement_view.SIZE,
) -> list[AgreementSummary]:
    """Needs and agreements that the caller may see, by number; fewer than `limit` on the last page."""
    access.require(session, subject, "see-operations", None)
    return agreement_view.listed(
        session, subject, route=route, in_state=state, dataset=dataset, provider=provider, after=after, limit=limit
    )


@router.get("/agreements/{agreement}", summary="One agreement", responses={404: {}})
def agreement(agreement: str, session: SessionDep, subject: SubjectDep) -> AgreementState:
    """One agreement: terms, channels, the steps taken with their working days, and what the caller can do now."""
    access.require(session, subject, "see-operations", None)
    return agreement_view.state(session, subject, known_agreement(session, subject, agreement))
