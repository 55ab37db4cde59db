"""Files that wait to become datasets: one is sent as the request's body; its questions and its draft are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from api.http.dependencies import HubDep, KeyHolder
from api.http.limits import LARGEST_FILE
from api.v1.uploads import BODY, received
from catalog.identity.people import Subject
from hub import onboarding
from hub.acts import given
from hub.onboarding import InspectFile
from hub.waiting_files import WaitingFile

router = APIRouter(tags=["acts"], responses={404: {}, 409: {}})


class Waiting(BaseModel):
    """A file that waits, or what became of it."""

    id: str
    filename: str
    bytes: int
    state: str
    dataset: str
    batch: str
    created_at: datetime
    expires_at: datetime


def steward(hub: HubDep, subject: KeyHolder) -> Subject:
    """Who may make datasets; nobody else's body is read."""
    onboarding.may_onboard(hub, subject)
    return subject


async def body_of(
    request: Request, hub: HubDep, _steward: Annotated[Subject, Depends(steward)], filename: str = ""
) -> AsyncIterator[Path]:
    """The body as a file, gone after the answer."""
    async with received(request, hub.settings, filename) as path:
        yield path


@router.post(
    "/onboardings",
    max_body_size=LARGEST_FILE,
    summary="Inspect a file",
    operation_id="onboard.inspect",
    openapi_extra=BODY,
)
def inspect(
    hub: HubDep,
    subject: KeyHolder,
    file: Annotated[Path, Depends(body_of)],
    filename: Annotated[str, Query(max_length=1000, examples=["企业名单.xlsx"], description="Its name; its ending counts.")],
) -> WaitingFile:
    """Take a file, find out how it is read, and draft its contract. It waits for seven days, for its sender alone.

    `questions`: answer them by `POST /onboardings/{id}/answers`. `draft`: load it by `POST /onboardings/{id}`.
    """
    return onboarding.inspect(hub, subject, given(InspectFile, file=file, filename=filename))


@router.get("/onboardings", summary="Files that wait to become datasets")
def listed(hub: HubDep, subject: KeyHolder) -> list[Waiting]:
    """The caller's own, newest first."""
    return [Waiting.model_validate(one.model_dump()) for one in onboarding.waiting(hub, subject)]


@router.get("/onboardings/{onboarding_id}", summary="A file that waits to become a dataset")
def seen(hub: HubDep, subject: KeyHolder, onboarding_id: str) -> WaitingFile:
    """The questions that it leaves open, or its draft with the first rows."""
    return onboarding.seen(hub, subject, onboarding_id)
