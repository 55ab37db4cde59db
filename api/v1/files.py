"""Files of a version: Parquet cut for the caller's view."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api import signed_links
from api.http.dependencies import PurposeDep, SessionDep, SettingsDep, SubjectDep
from catalog.access import use
from catalog.identity.people import Subject
from warehouse.serving import cuts, extracts
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


@router.get("/resources/{name}/versions/{version}/files", summary="Files of a version")
def files(
    name: str,
    version: VersionPath,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
) -> list[FileOut]:
    """Parquet files that hold the items and rows you may see, masks applied. Large versions come in several."""
    asked = use.read(session, subject, name, "download", version=str(version), purpose=purpose)
    found = tuple(cuts.files(settings, signed_links.wanted_of(asked)))
    use.record(session, subject, "download", asked, files=len(found), rows=sum(one.rows for one in found))
    return [_out(settings, signed_links.base_of(request, settings), subject, asked, n, one) for n, one in enumerate(found)]


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


def _out(
    settings: Settings, base: str, subject: Subject, asked: use.Reading, number: int, one: extracts.ExtractFile
) -> FileOut:
    url, expires = signed_links.made(settings, base, subject, asked, one)
    return FileOut(
        number=number, id=one.id, size=one.size, rows=one.rows, url=url, expires_at=datetime.fromtimestamp(expires, UTC)
    )
