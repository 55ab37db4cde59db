"""Channels: what came of each look at an agreement's channel, for those who mend them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.http.dependencies import SessionDep, SubjectDep
from catalog import access
from catalog.acquisition import channels

router = APIRouter(tags=["channels"])


class AttemptOut(BaseModel):
    """One look at a channel."""

    model_config = ConfigDict(from_attributes=True)
    agreement_id: str
    dataset: str
    channel: str = Field(description="folder, http, template …")
    at: datetime
    outcome: str = Field(description="taken, nothing or failed")
    reason: str
    reason_en: str
    bytes: int
    batches: list[str]
    seconds: float
    run_id: str


@router.get("/attempts", summary="What came of each look at a channel, newest first")
def attempts(
    session: SessionDep,
    subject: SubjectDep,
    dataset: Annotated[str, Query(max_length=200)] = "",
    agreement: Annotated[str, Query(max_length=200)] = "",
    outcome: Literal["", "taken", "nothing", "failed"] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[AttemptOut]:
    """For stewards and administrators; the newest `limit` of them."""
    access.require(session, subject, "see-attempts", None)
    found = channels.listed(session, dataset=dataset, agreement=agreement, outcome=outcome, limit=limit)
    return [AttemptOut.model_validate(one) for one in found]
