"""The OpenLineage receiver: POST /api/v1/lineage, as the OpenLineage clients send it."""

from __future__ import annotations

import json
import zlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from api.http.dependencies import HubDep, KeyHolder
from catalog.identity.people import Subject
from contracts.errors import HubError
from hub import lineage
from hub.acts import require
from hub.lineage import EventKept, ReceiveEvent

router = APIRouter(tags=["lineage"])
MOST = 2 * 2**20
"""An event may be this large, unpacked; the largest seen in the wild was 220 KB. Parsed it takes some 40 MB at most."""


class EventUnreadable(HubError):
    """The body is not one OpenLineage event."""


class EventTooLarge(HubError):
    """The body is larger than any event."""

    def __init__(self) -> None:
        super().__init__("血缘事件超过 2 MB。", "The lineage event is over 2 MB.")


def sender(hub: HubDep, subject: KeyHolder) -> Subject:
    """Only those who may send: nobody else's body is read."""
    require(hub, subject, "lineage.receive")
    return subject


async def body_of(request: Request, _sender: Annotated[Subject, Depends(sender)]) -> bytes:
    """The body, at most MOST bytes of it, unpacked where it says gzip."""
    unpack = zlib.decompressobj(wbits=31) if request.headers.get("content-encoding", "").lower() == "gzip" else None
    parts, size = [], 0
    async for chunk in request.stream():
        try:
            part = unpack.decompress(chunk, MOST + 1 - size) if unpack else chunk
        except zlib.error:
            raise EventUnreadable("请求体不是有效的 gzip。", "The body is not valid gzip.") from None
        size += len(part)
        if size > MOST:
            raise EventTooLarge
        parts.append(part)
    return b"".join(parts)


@router.post(
    "/lineage",
    status_code=201,
    summary="Receive an OpenLineage event",
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "example": {
                        "eventType": "COMPLETE",
                        "eventTime": "2026-03-11T09:00:00Z",
                        "run": {"runId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
                        "job": {"namespace": "etl", "name": "nightly"},
                        "inputs": [{"namespace": "hui", "name": "resource.enterprise_registration"}],
                        "outputs": [{"namespace": "hui", "name": "theme.enterprise"}],
                        "producer": "https://example.org/etl",
                    }
                }
            }
        }
    },
)
def receive(hub: HubDep, subject: KeyHolder, body: Annotated[bytes, Depends(body_of)]) -> EventKept:
    """Keep one event; the same event again changes nothing. Stewards, administrators and the hub's jobs may send."""
    try:
        event: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise EventUnreadable("请求体不是有效的 JSON。", "The body is not valid JSON.") from None
    if not isinstance(event, dict):
        raise EventUnreadable("请求体应是一个 OpenLineage 事件。", "The body must be one OpenLineage event.")
    return lineage.receive(hub, subject, ReceiveEvent(event=event))
