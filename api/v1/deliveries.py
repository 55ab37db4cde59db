"""Deliveries by key: a file is sent as the request's body, refused rows are fetched as a table."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from api.http.dependencies import HubDep, KeyHolder
from api.http.limits import LARGEST_FILE
from api.v1 import jobs
from api.v1.acts import KEY
from api.v1.jobs import Prefer
from api.v1.uploads import BODY, received
from catalog.identity.people import Subject
from hub import deliveries, repeats
from hub.acts import InvalidInput, given
from hub.deliveries import Deliver, Export, Open
from hub.table import ACTS

router = APIRouter(tags=["deliveries"])


def sender(hub: HubDep, subject: KeyHolder, resource: str, corrects: str = "") -> Subject:
    """Who may deliver; nobody else's body is read."""
    deliveries.may_deliver(hub, subject, resource, corrects)
    return subject


async def body_of(
    request: Request, hub: HubDep, _sender: Annotated[Subject, Depends(sender)], filename: str = ""
) -> AsyncIterator[Path]:
    """The body as a file, gone after the answer."""
    async with received(request, hub.settings, filename) as path:
        yield path


@router.post(
    "/resources/{resource}/deliveries",
    max_body_size=LARGEST_FILE,
    summary="Deliver a file",
    operation_id="deliver",
    openapi_extra=BODY,
    status_code=202,
    response_model=None,
    responses={404: {}, 409: {}, **jobs.answers(ACTS["deliver"])},
)
def deliver(
    request: Request,
    hub: HubDep,
    subject: KeyHolder,
    file: Annotated[Path, Depends(body_of)],
    resource: str,
    filename: Annotated[str, Query(max_length=1000, examples=["202603.xlsx"], description="Its name; its ending counts.")],
    agreement: Annotated[str, Query(max_length=64)] = "",
    organization: Annotated[str, Query(max_length=200, description="Who sent it; empty: the caller's.")] = "",
    period: Annotated[str, Query(max_length=10, examples=["2026-03"])] = "",
    corrects: Annotated[str, Query(max_length=40, description="Batch whose refused rows it corrects.")] = "",
    answers: Annotated[str, Query(max_length=5000, description="What the file leaves open, as JSON.")] = "",
    key: Annotated[str, KEY] = "",
    prefer: Prefer = "",
) -> Response:
    """Receive a file, check it against the contract, and load what is good: a job, whose result says what became of it.

    State `held`: something is left open, see `questions`; answer by `POST /batches/{batch}/answer`.
    """
    delivery = given(
        Deliver,
        resource=resource,
        file=file,
        filename=filename,
        agreement=agreement,
        organization=organization,
        period=period,
        corrects=corrects,
        answers=_open(answers),
    )
    return jobs.answer(request, hub, repeats.perform(hub, subject, ACTS["deliver"], delivery, key), prefer)


def _open(answers: str) -> Open:
    try:
        return Open.model_validate_json(answers or "{}")
    except ValidationError as error:
        raise InvalidInput(error) from None


@router.get("/batches/{batch}/quarantine.{kind}", summary="Refused rows as a table", response_class=FileResponse)
def quarantine(hub: HubDep, subject: KeyHolder, batch: str, kind: Literal["csv", "xlsx"]) -> Response:
    """The refused rows as the provider's own table with a column of reasons, to be corrected and delivered again."""
    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=hub.settings.scratch, suffix=f".{kind}", delete=False) as made:
        target = Path(made.name)
    try:
        deliveries.export(hub, subject, given(Export, batch=batch, file=target, kind=kind))
    except BaseException:
        target.unlink()
        raise
    return FileResponse(target, filename=f"{batch}.{kind}", background=BackgroundTask(target.unlink, missing_ok=True))
