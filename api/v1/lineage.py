"""The OpenLineage receiver: POST /api/v1/lineage, as the OpenLineage clients send it."""

from __future__ import annotations

import json
import zlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.http.dependencies import SessionDep, SubjectDep
from catalog import access
from catalog.lineage import graph as lineage
from contracts.errors import HubError

router = APIRouter(tags=["lineage"])
MOST = 2 * 2**20
"""An event may be this large, unpacked; the largest seen in the wild was 220 KB. Parsed it takes some 40 MB at most."""


class EventUnreadable(HubError):
    """The body is not one OpenLineage event."""


class EventTooLarge(HubError):
    """The body is larger than any event."""

    def __init__(self) -> None:
        super().__init__("血缘事件超过 2 MB。", "The lineage event is over 2 MB.")


def sender(session: SessionDep, subject: SubjectDep) -> None:
    """Only those who may send: nobody else's body is read."""
    access.require(session, subject, "receive-lineage", None)


async def body_of(request: Request, _sender: Annotated[None, Depends(sender)]) -> bytes:
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
def receive(session: SessionDep, body: Annotated[bytes, Depends(body_of)]) -> Response:
    """Keep one event; the same event again changes nothing. Stewards, administrators and the hub's jobs may send."""
    try:
        event: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise EventUnreadable("请求体不是有效的 JSON。", "The body is not valid JSON.") from None
    if not isinstance(event, dict):
        raise EventUnreadable("请求体应是一个 OpenLineage 事件。", "The body must be one OpenLineage event.")
    kept = lineage.receive(session, event)
    return JSONResponse({"new": kept.new, "edges": kept.edges}, 201)
