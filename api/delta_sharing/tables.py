"""One table: its version, its metadata, its files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api import signed_links
from api.delta_sharing import actions, names
from api.delta_sharing.actions import TableQuery
from api.delta_sharing.listing import known
from api.http import streams
from api.http.dependencies import PurposeDep, SessionDep, SettingsDep, SubjectDep
from catalog.access import use
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.releases import moments
from catalog.releases.releases import Release
from contracts.errors import HubError
from warehouse.serving import extracts
from warehouse.serving.extracts import ExtractFile

router = APIRouter()
TABLE = "/shares/{share}/schemas/{schema}/tables/{table}"
LONGEST = 1 << 20


class Malformed(HubError):
    """The body is not what the protocol says."""


class WrongParameter(HubError):
    """A parameter that does not fit."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a query; hints are left aside, clients filter again."""

    version: int | None = None
    timestamp: str = ""
    limit: int | None = None
    starting: bool = False


@router.get(TABLE + "/version")
@router.head(TABLE)
@router.head(TABLE + "/version")
def version(
    share: str,
    schema: str,
    table: str,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    starting: Annotated[str, Query(alias="startingTimestamp")] = "",
) -> Response:
    """The number of the current version, or of the first one at or after a moment."""
    resource = names.table(session, known(subject), share, schema, table)
    release = asked_for(session, subject, resource, purpose).release
    if starting:
        release = moments.since(session, resource, moment(starting))
    assert release is not None  # noqa: S101
    return Response(headers={"Delta-Table-Version": str(release.version)})


@router.get(TABLE + "/metadata")
@router.head(TABLE + "/metadata")
def metadata(
    share: str,
    schema: str,
    table: str,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    version: Annotated[int | None, Query(ge=0, le=use.LARGEST)] = None,
    timestamp: str = "",
) -> Response:
    """Protocol and schema of a version."""
    asked = TableQuery.by(request)
    resource = names.table(session, known(subject), share, schema, table)
    found = asked_for(session, subject, resource, purpose, version, timestamp)
    release = release_of(found)
    columns = extracts.shown_columns(settings, found.view, release.snapshot)
    more = {"version": release.version} if version is not None or timestamp else {}
    return actions.answer(asked, release.version, actions.head(asked, found, columns, **more))


async def body_of(request: Request) -> Body:
    """The query's body; an empty one means {}."""
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LONGEST:
            raise Malformed("请求体过大。", "The body is too large.")
        parts.append(chunk)
    try:
        told: Any = json.loads(b"".join(parts) or b"{}")
    except (ValueError, RecursionError):
        raise Malformed("请求体不是有效的 JSON。", "The body is not valid JSON.") from None
    if not isinstance(told, dict):
        raise Malformed("请求体应是一个 JSON 对象。", "The body must be a JSON object.")
    return _query(told)


@router.post(TABLE + "/query")
def query(
    share: str,
    schema: str,
    table: str,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    body: Annotated[Body, Depends(body_of)],
) -> Response:
    """Files of a version, cut for this recipient. The query goes on record; the files' requests do not."""
    asked = TableQuery.by(request)
    resource = names.table(session, known(subject), share, schema, table)
    if body.starting:
        raise WrongParameter(
            "请用 …/changes 读取变更（startingVersion 不适用于查询）。",
            "Read changes by …/changes; startingVersion is not for queries.",
        )
    found = asked_for(session, subject, resource, purpose, body.version, body.timestamp)
    release = release_of(found)
    wanted = signed_links.wanted_of(found)
    files = streams.at_once(settings, wanted, release.rows)
    columns = extracts.shown_columns(settings, found.view, release.snapshot)
    told: dict[str, Any] = {}
    if files is not None:
        files = tuple(one for one in files if one.rows)
        told = {"size": sum(one.size for one in files), "numFiles": len(files)}
    if body.version is not None or body.timestamp:
        told["version"] = release.version
    head, base = actions.head(asked, found, columns, **told), signed_links.base_of(request, settings)

    def line(one: ExtractFile) -> tuple[dict[str, Any], int]:
        url, ends = signed_links.made(settings, base, subject, found, one)
        return actions.file(asked, url, one, ends, release), ends

    if files is not None:
        lines = [line(one) for one in _enough(files, body.limit)]
        ends = min((ends for _, ends in lines), default=0)
        answer = actions.answer(asked, release.version, [*head, *(told for told, _ in lines)], ends * 1000)
        use.record(session, subject, "download", found, via="delta-sharing", files=len(files), limit=body.limit)
    else:
        still = partial(signed_links.still, settings, signed_links.of_file(subject, found, 0))
        coming = _coming(streams.arriving(settings, wanted), line, body.limit)
        answer = actions.answer_by_lines(asked, release.version, head, coming, still)
        use.record(session, subject, "download", found, via="delta-sharing", limit=body.limit)
    _echo_file_ids(request, answer)
    return answer


async def _coming(
    files: AsyncIterator[ExtractFile], line: Callable[[ExtractFile], tuple[dict[str, Any], int]], limit: int | None
) -> AsyncIterator[tuple[dict[str, Any], int]]:
    """The lines of the first files that hold as many rows as the client plans to read; no other is cut."""
    rows = 0
    while limit is None or rows < limit:
        one = await anext(files, None)
        if one is None:
            return
        rows += one.rows
        if one.rows:
            yield line(one)


def asked_for(
    session: Session, subject: Subject, resource: Resource, purpose: str, version: int | None = None, timestamp: str = ""
) -> use.Reading:
    """The decision on a table's current version, that number, or the version of a moment."""
    if version is not None and timestamp:
        raise WrongParameter("version 和 timestamp 只能给一个。", "Give version or timestamp, not both.")
    if timestamp:
        use.decided(session, subject, resource, "download", purpose=purpose)  # refused before versions are told
        version = moments.as_of(session, resource, moment(timestamp)).version
    wanted = str(version) if version is not None else ""
    return use.decided(session, subject, resource, "download", version=wanted, purpose=purpose)


def release_of(found: use.Reading) -> Release:
    """The version a decision was made on."""
    assert found.release is not None  # noqa: S101 - only versions are shared here
    return found.release


def _query(told: dict[str, Any]) -> Body:
    version, limit, timestamp = told.get("version"), told.get("limitHint"), told.get("timestamp")
    for name, value in (("version", version), ("limitHint", limit)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise WrongParameter(f"{name} 应是不小于 0 的整数。", f"{name} must be a whole number, 0 or more.")
    if version is not None and version > use.LARGEST:
        raise WrongParameter(f"version 不应大于 {use.LARGEST}。", f"version must be {use.LARGEST} or less.")
    if timestamp is not None and not isinstance(timestamp, str):
        raise WrongParameter("timestamp 应是文本。", "timestamp must be text.")
    return Body(version, timestamp or "", limit, told.get("startingVersion") is not None)


def _enough(files: Sequence[ExtractFile], limit: int | None) -> Sequence[ExtractFile]:
    """The first files that hold as many rows as the client plans to read."""
    if limit is None:
        return files
    rows = 0
    for number, one in enumerate(files):
        if rows >= limit:
            return files[:number]
        rows += one.rows
    return files


def _echo_file_ids(request: Request, answer: Response) -> None:
    """Our file ids are of the bytes, so both schemes of `fileidhash` are met; any other value is refused."""
    scheme = request.headers.get("fileidhash", "").lower()
    if scheme and scheme not in ("parquet", "delta"):
        raise WrongParameter(f"不支持 fileidhash={scheme}。", f"fileidhash={scheme} is not supported.")
    if scheme:
        answer.headers["fileidhash"] = scheme


def moment(text: str) -> datetime:
    """A timestamp of the protocol: ISO 8601, UTC where it names no zone."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongParameter(
            f"时间 {text!r} 无效；应如 2026-01-01T00:00:00Z。",
            f"The timestamp {text!r} is not valid; write 2026-01-01T00:00:00Z.",
        ) from None
