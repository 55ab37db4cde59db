"""Signed links to files: good without a key until they expire, and only as long as the right they were given on lasts.

A Delta Sharing client reads one small file by ten requests without its key. So a link names who was given it, what of which
version, and until when, encrypted (nobody reads a person or a key off it) and under an HMAC; each request for it asks the
policies again, so a revoked key or grant, a changed grant and a recalled version end it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import APIRouter
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from api.http import signing
from api.http.dependencies import SessionDep, SettingsDep
from api.http.streams import ExtractResponse
from catalog import access
from catalog.access.use import Reading, decided
from catalog.audit import chain as audit
from catalog.entries.resources import Resource
from catalog.identity import people
from catalog.identity.people import Person, Subject
from catalog.releases.releases import RecalledRelease
from catalog.store import database
from contracts import clock
from contracts.errors import HubError
from warehouse.serving import extracts
from warehouse.serving.extracts import ExtractFile
from warehouse.settings import Settings

SECONDS = 3600
router = APIRouter(include_in_schema=False)


class LinkEnded(HubError):
    """A link that expired, was altered, or whose right has ended."""

    def __init__(self) -> None:
        super().__init__("下载链接已失效；请重新查询以取得新的链接。", "The link is no longer good; query again for a new one.")


@dataclass(frozen=True, slots=True)
class Link:
    """What a link stands for."""

    person_id: str
    key_prefix: str
    resource_id: str
    version: int
    digest: str
    file_id: str
    expires: int
    since: int = 0
    """The version before, for a file of changes; 0: a file of the version itself."""
    purpose: str = ""
    """Purpose of the grant it rests on: an organization may hold several grants of one resource."""


def made(
    settings: Settings,
    base: str,
    subject: Subject,
    reading: Reading,
    file: ExtractFile,
    *,
    since: int = 0,
    now: float | None = None,
) -> tuple[str, int]:
    """A link to a file, and when it expires (seconds since 1970).

    Expiry is rounded up to ten minutes: queries soon after each other get the same address, which caches may keep.
    Its parameters are called sp, sv, se and sig: by those names Delta's Rust kernel (0.22) knows a signed address and reads
    it by plain GETs; any other address it looks for in the table's own folder.
    """
    assert reading.release is not None  # noqa: S101 - only versions have files
    expires = (int(clock.now().timestamp() if now is None else now) + SECONDS + 600) // 600 * 600
    what = [reading.resource.id, reading.release.version, reading.view.digest(), file.id]
    purpose = reading.decision.purpose if reading.decision.grant_id else ""
    told = [subject.person_id, subject.key_prefix, *what, expires, since, purpose]
    text = signing.sealed_name(settings, told)
    signed = signing.signature(settings, text)
    return f"{base.rstrip('/')}/files/{text}/{file.path.name}?sp=r&sv=1&se={expires}&sig={signed}", expires


def base_of(request: Request, settings: Settings) -> str:
    """Where links begin: the address people use (HUB_PUBLIC_URL) and the door; never what a request says of its host."""
    return settings.public_url.rstrip("/") + str(request.scope.get("root_path", ""))


def read(settings: Settings, text: str, signed: str, now: float | None = None) -> Link:
    """What a link says; LinkEnded when it was altered or is over."""
    if not signing.genuine(settings, text, signed):
        raise LinkEnded
    link = Link(*signing.opened_name(settings, text))
    if link.expires <= (clock.now().timestamp() if now is None else now):
        raise LinkEnded
    return link


@router.api_route("/files/{token}/{name}", methods=["GET", "HEAD"])
def file(token: str, name: str, settings: SettingsDep, session: SessionDep, sig: str = "") -> Response:
    """The bytes a link stands for."""
    link = read(settings, token, sig)
    return sent(settings, link, _found(settings, session, link).path)


def of_file(subject: Subject, asked: Reading, file: ExtractFile) -> Link:
    """What a file asked for with a key stands for, while its bytes are under way."""
    assert asked.release is not None  # noqa: S101 - only versions have files
    what = asked.resource.id, asked.release.version, asked.view.digest(), file.id
    return Link(subject.person_id, subject.key_prefix, *what, expires=0, purpose=asked.decision.purpose)


def sent(settings: Settings, link: Link, path: Path, filename: str | None = None) -> Response:
    """A file of an extract, by range where asked, as long as the right lasts that it was asked for on."""
    return ExtractResponse(
        path,
        media_type="application/vnd.apache.parquet",
        headers={"ETag": f'"{link.file_id}"', "Cache-Control": "private, max-age=600"},
        filename=filename,
        still=partial(_still, settings, link),
        on_cut=partial(_cut, settings, link),
    )


def _still(settings: Settings, link: Link) -> None:
    with database.session(settings.catalog_database) as session:
        _right(session, link)


def _cut(settings: Settings, link: Link, ended: HubError, gone: int) -> None:
    """A download that ended with its right, on record."""
    with database.session(settings.catalog_database) as session:
        person, resource = session.get(Person, link.person_id), session.get(Resource, link.resource_id)
        cause = ended.__cause__ if isinstance(ended.__cause__, HubError) else ended
        audit.record(
            session,
            actor=f"key:{link.key_prefix}" if link.key_prefix else person.login if person else "",
            organization_id=person.organization_id if person else "",
            action="download.cut",
            object=resource.name if resource else link.resource_id,
            outcome="refused",
            detail={"version": link.version, "file": link.file_id, "bytes": gone, "reason": cause.message_en},
        )


def _right(session: Session, link: Link) -> tuple[Reading, Reading | None]:
    """What the link gives now, of the version and of the one before; LinkEnded where that is not what it was given on."""
    subject = people.holder(session, link.key_prefix) if link.key_prefix else people.of_person(session, link.person_id)
    resource = session.get(Resource, link.resource_id)
    if subject is None or resource is None:
        raise LinkEnded
    try:
        reading, older = (
            decided(session, subject, resource, "download", version=str(version), purpose=link.purpose) if version else None
            for version in (link.version, link.since)
        )
    except RecalledRelease as recalled:
        raise LinkEnded from recalled
    except access.Refused as refusal:
        raise LinkEnded from refusal  # the refusal goes on record, its reason is not told to who holds a mere link
    assert reading is not None  # noqa: S101 - versions begin at 1
    if reading.view.digest() != link.digest:
        raise LinkEnded
    return reading, older


def _found(settings: Settings, session: Session, link: Link) -> ExtractFile:
    """The file, if the right the link was given on still gives the same view; cut again if it was put away."""
    for one in _files(settings, *_right(session, link)):
        if one.id == link.file_id:
            return one
    raise LinkEnded


def _files(settings: Settings, reading: Reading, older: Reading | None) -> tuple[ExtractFile, ...]:
    assert reading.snapshot is not None  # noqa: S101
    if older is None or older.snapshot is None:
        return extracts.extract(settings, reading.view, reading.contract, reading.snapshot)
    return extracts.changes(settings, reading.view, reading.contract.key, older.snapshot, reading.snapshot)
