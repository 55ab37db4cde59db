"""Changes between versions, for tables whose key the recipient sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api import signed_links
from api.delta_sharing import actions, names
from api.delta_sharing.actions import TableQuery
from api.delta_sharing.listing import known
from api.delta_sharing.tables import TABLE, WrongParameter, asked_for, moment, release_of
from api.http import streams
from api.http.dependencies import PurposeDep, SessionDep, SettingsDep, SubjectDep
from catalog.access import use
from catalog.access.use import Reading
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.releases import moments, releases
from contracts.errors import HubError
from warehouse.serving import extracts
from warehouse.settings import Settings

router = APIRouter()


class Unsupported(HubError):
    """The table cannot tell its changes."""


@router.get(TABLE + "/changes")
def changes(
    share: str,
    schema: str,
    table: str,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    starting_version: Annotated[int | None, Query(alias="startingVersion", ge=0, le=use.LARGEST)] = None,
    starting_timestamp: Annotated[str, Query(alias="startingTimestamp")] = "",
    ending_version: Annotated[int | None, Query(alias="endingVersion", ge=0, le=use.LARGEST)] = None,
    ending_timestamp: Annotated[str, Query(alias="endingTimestamp")] = "",
) -> Response:
    """What changed in each version from the starting to the ending one, both included; the first version is all inserts."""
    asked = TableQuery.by(request)
    resource = names.table(session, known(subject), share, schema, table)
    newest = asked_for(session, subject, resource, purpose)
    if asked.delta or not actions.tells_changes(newest):
        raise Unsupported(
            "此表没有您可见的主键，或所求的响应格式不支持变更；请读取整个版本。",
            "This table has no key that you see, or its changes are not told in that response format; read whole versions.",
        )
    first, last = _bounds(session, resource, newest, (starting_version, starting_timestamp), (ending_version, ending_timestamp))
    columns = extracts.shown_columns(settings, newest.view, release_of(newest).snapshot)
    head, base = actions.head(asked, newest, columns), signed_links.base_of(request, settings)
    pairs = _pairs(session, newest, first, last)
    for older, at in pairs:
        streams.at_once(settings, signed_links.wanted_of(at, older), release_of(at).rows)
    coming = _lines(settings, subject, base, pairs)
    still = partial(signed_links.still, settings, signed_links.of_file(subject, newest, 0))
    use.record(session, subject, "download", newest, via="delta-sharing changes", first=first, last=last)
    return actions.answer_by_lines(asked, first, head, coming, still)


def _bounds(
    session: Session,
    resource: Resource,
    newest: Reading,
    starting: tuple[int | None, str],
    ending: tuple[int | None, str],
) -> tuple[int, int]:
    if (starting[0] is None) == (not starting[1]) or (ending[0] is not None and ending[1]):
        raise WrongParameter(
            "须给 startingVersion 或 startingTimestamp 之一；结束同样只给一个。",
            "Give startingVersion or startingTimestamp, and at most one end.",
        )
    current = release_of(newest).version
    first = starting[0] if starting[0] is not None else moments.since(session, resource, moment(starting[1])).version
    last = ending[0] if ending[0] is not None else current
    if ending[1]:
        last = moments.as_of(session, resource, moment(ending[1])).version
    if first > last or first > current:
        raise WrongParameter(
            f"起始版本 {first} 在结束版本 {min(last, current)} 之后。", f"Version {first} is after {min(last, current)}."
        )
    return first, min(last, current)


async def _lines(
    settings: Settings, subject: Subject, base: str, pairs: Sequence[tuple[Reading | None, Reading]]
) -> AsyncIterator[tuple[dict[str, Any], int]]:
    for older, at in pairs:
        async for one in streams.arriving(settings, signed_links.wanted_of(at, older)):
            if one.rows:
                url, ends = signed_links.made(settings, base, subject, at, one, since=release_of(older).version if older else 0)
                yield actions.change("cdf" if older else "add", url, one, ends, release_of(at)), ends


def _pairs(session: Session, newest: Reading, first: int, last: int) -> list[tuple[Reading | None, Reading]]:
    """Each version in force with the one in force before it; recalled ones are passed over."""
    held = sorted((r for r in releases.listed(session, newest.resource) if r.recalled_at is None), key=lambda r: r.version)
    read = [replace(newest, release=release) for release in held]
    return [(older, at) for older, at in zip([None, *read], read, strict=False) if first <= release_of(at).version <= last]
