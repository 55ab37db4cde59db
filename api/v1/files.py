"""Files of a version: Parquet cut for the caller's view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api import signed_links
from api.http import streams
from api.http.dependencies import PurposeDep, SessionDep, SettingsDep, SubjectDep
from catalog.access import use
from catalog.identity.people import Subject
from warehouse.serving import extracts
from warehouse.settings import Settings

router = APIRouter(tags=["files"])


class FileOut(BaseModel):
    """One file of a version, and a link that is good without a key until it expires."""

    number: int
    id: str
    size: int
    rows: int
    url: str
    expires_at: datetime


VersionPath = Annotated[int, Path(ge=1, le=use.LARGEST, description="Number of the version")]


@router.get("/resources/{name}/versions/{version}/files", summary="Files of a version", response_model=list[FileOut])
def files(
    name: str,
    version: VersionPath,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
) -> Any:
    """Parquet files that hold the items and rows you may see, masks applied. Large versions come in several; of one that nobody
    asked for before, each is told when it is cut."""
    asked = use.read(session, subject, name, "download", version=str(version), purpose=purpose)
    wanted, base = signed_links.wanted_of(asked), signed_links.base_of(request, settings)
    found = streams.at_once(settings, wanted, asked.release.rows if asked.release else 0)
    if found is None:  # what is wrong with it is told before the list begins
        extracts.shown_columns(settings, asked.view, wanted.snapshot)
    told = {"files": len(found), "rows": sum(one.rows for one in found)} if found is not None else {}
    use.record(session, subject, "download", asked, **told)
    if found is not None:
        return [_out(settings, base, subject, asked, one) for one in found]

    async def pieces() -> AsyncIterator[str]:
        number = 0
        async for one in streams.arriving(settings, wanted):
            yield ("," if number else "[") + _out(settings, base, subject, asked, one).model_dump_json()
            number += 1
        yield "]"

    still = partial(signed_links.still, settings, signed_links.of_file(subject, asked, 0))
    return streams.LinesResponse(pieces(), still=still, failed=lambda _: "", media_type="application/json")


@router.get(
    "/resources/{name}/versions/{version}/files/{number}",
    summary="One file",
    response_class=Response,
    responses={200: {"content": {"application/vnd.apache.parquet": {}}}},
)
def file(
    name: str,
    version: VersionPath,
    number: Annotated[int, Path(ge=0)],
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
) -> Response:
    """The file's bytes, by range where asked."""
    asked = use.read(session, subject, name, "download", version=str(version), purpose=purpose)
    plan = extracts.plan(settings, signed_links.wanted_of(asked))
    if number >= len(plan.parts):
        raise HTTPException(404, f"version {version} has {len(plan.parts)} files")
    answer = signed_links.sent(
        request, settings, signed_links.of_file(subject, asked, number), plan, f"{name}-v{version}-{number:05d}.parquet"
    )
    known = extracts.described(settings, plan, number)
    rows = {"rows": known.rows} if known else {"rows_at_most": plan.parts[number].rows}
    use.record(session, subject, "download", asked, file=number, **rows)
    return answer


def _out(settings: Settings, base: str, subject: Subject, asked: use.Reading, one: extracts.ExtractFile) -> FileOut:
    url, expires = signed_links.made(settings, base, subject, asked, one)
    expiry = datetime.fromtimestamp(expires, UTC)
    return FileOut(number=int(one.path.stem), id=one.id, size=one.size, rows=one.rows, url=url, expires_at=expiry)
