"""Packs by key: a pack is sent as the request's body, a zip file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.http.dependencies import HubDep, KeyHolder
from api.v1.uploads import BODY, received
from catalog.identity.people import Subject
from contracts.packs.bundle import BYTES
from hub import packs
from hub.acts import given, require
from hub.packs import AddedPack, AddPack

router = APIRouter(tags=["acts"])


def administrator(hub: HubDep, subject: KeyHolder) -> Subject:
    """Who may add packs; nobody else's body is read."""
    require(hub, subject, "pack.add")
    return subject


async def body_of(
    request: Request, hub: HubDep, _administrator: Annotated[Subject, Depends(administrator)], filename: str = ""
) -> AsyncIterator[Path]:
    """The body as a file, gone after the answer."""
    async with received(request, hub.settings, filename) as path:
        yield path


@router.post(
    "/packs",
    max_body_size=BYTES,
    summary="Add a pack",
    operation_id="pack.add",
    openapi_extra=BODY,
    responses={409: {}},
)
def add(
    hub: HubDep,
    subject: KeyHolder,
    file: Annotated[Path, Depends(body_of)],
    filename: Annotated[str, Query(max_length=1000, examples=["library.zip"], description="Its name.")] = "pack.zip",
) -> AddedPack:
    """Add a pack, or a newer version of one: a .zip with pack.yaml, contracts, code lists, models. Administrators may."""
    return packs.add(hub, subject, given(AddPack, file=file, filename=filename))
