"""Versions of a resource: what each held, and how it differs from the one before."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel

from api.http.dependencies import SessionDep, SubjectDep
from catalog.access.use import LARGEST, known
from catalog.releases import releases
from catalog.releases.releases import Release

router = APIRouter(tags=["versions"])


class VersionOut(BaseModel):
    """One released version."""

    version: int
    state: str
    rows: int
    bytes: int
    columns: list[dict[str, Any]]
    contract_version: str
    quality: float | None
    added: int | None
    changed: int | None
    removed: int | None
    note: str
    released_at: datetime
    recalled_at: datetime | None
    recall_reason: str


@router.get("/resources/{name}/versions", summary="Versions")
def versions(name: str, session: SessionDep, subject: SubjectDep) -> list[VersionOut]:
    """Every version, newest first; recalled ones say why."""
    return [_out(one) for one in releases.listed(session, known(session, subject, name))]


@router.get("/resources/{name}/versions/{version}", summary="One version")
def version(name: str, version: Annotated[int, Path(ge=1, le=LARGEST)], session: SessionDep, subject: SubjectDep) -> VersionOut:
    """One version with its columns and its difference to the one before."""
    return _out(releases.get(session, known(session, subject, name), version, recalled=True))


def _out(release: Release) -> VersionOut:
    told = {field: getattr(release, field) for field in VersionOut.model_fields if field != "state"}
    return VersionOut(**told, state="recalled" if release.recalled_at else "in force")
