"""Signed links to files: good without a key until they expire, and only as long as the right they were given on lasts.

A Delta Sharing client reads one small file by ten requests without its key. So a link names who was given it, what of which
version, and until when, encrypted (nobody reads a person or a key off it) and under an HMAC; each request for it asks the
policies again, so a revoked key or grant, a changed grant and a recalled version end it at once.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from functools import partial

from fastapi import APIRouter
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from api.http import signing
from api.http.dependencies import SessionDep, SettingsDep
from api.http.streams import ExtractResponse, GrowingResponse, Watch
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
from warehouse.serving import cuts, extracts
from warehouse.serving.extracts import ExtractFile, Plan, Wanted
from warehouse.settings import Settings

SECONDS = 3600
PARQUET = "application/vnd.apache.parquet"
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
    number: int = 0
    """Which of the files it is."""


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
    expires = (int(clock.now().timestamp() if now is None else now) + SECONDS + 600) // 600 * 600
    given = _given(subject, reading, int(file.path.stem), file.id, since)
    purpose = reading.decision.purpose if reading.decision.grant_id else ""
    text = signing.sealed_name(settings, list(astuple(replace(given, expires=expires, purpose=purpose))))
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
def file(token: str, name: str, request: Request, settings: SettingsDep, session: SessionDep, sig: str = "") -> Response:
    """The bytes a link stands for."""
    link = read(settings, token, sig)
    plan = extracts.plan(settings, wanted_of(*_right(session, link)))
    try:
        return sent(request, settings, link, plan)
    except extracts.Rearranged as changed:
        raise LinkEnded from changed


def of_file(subject: Subject, asked: Reading, number: int) -> Link:
    """What a file asked for with a key stands for, while its bytes are under way."""
    return _given(subject, asked, number, "")


def sent(request: Request, settings: Settings, link: Link, plan: Plan, filename: str | None = None) -> Response:
    """A file of an extract, by range where asked, as long as the right lasts that it was asked for on. One whose bytes are not
    there is sent while it is cut, except a piece of it, or to whom only a length would tell that it is whole."""
    if link.number >= len(plan.parts):
        raise LinkEnded
    known = extracts.described(settings, plan, link.number)
    _require_same(link, known)
    watch = Watch(partial(still, settings, link), partial(_cut, settings, link))
    whole = "range" in request.headers or request.method == "HEAD" or request.scope["http_version"] == "1.0"
    found = (cuts.finished if whole else cuts.opened)(settings, plan, link.number)
    headers = {"Cache-Control": "private, max-age=600"}
    if found is None:
        cut = cuts.begun(settings, plan, link.number)
        file_id = known.id if known else link.file_id
        headers |= {"ETag": f'"{file_id}"'} if file_id else {}
        headers |= {"Content-Disposition": f'attachment; filename="{filename}"'} if filename else {}
        return GrowingResponse(cut, known=known, file_id=file_id, watch=watch, media_type=PARQUET, headers=headers)
    one, opened = found
    _require_same(link, one)
    headers["ETag"] = f'"{one.id}"'
    return ExtractResponse(opened, one.path, watch=watch, media_type=PARQUET, headers=headers, filename=filename)


def still(settings: Settings, link: Link) -> None:
    """LinkEnded where what was asked for is not given any more."""
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
            detail={
                "version": link.version,
                "file": link.file_id,
                "number": link.number,
                "bytes": gone,
                "reason": cause.message_en,
            },
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


def _given(subject: Subject, reading: Reading, number: int, file_id: str, since: int = 0) -> Link:
    assert reading.release is not None  # noqa: S101 - only versions have files
    what = reading.resource.id, reading.release.version, reading.view.digest(), file_id
    return Link(subject.person_id, subject.key_prefix, *what, 0, since, reading.decision.purpose, number)


def wanted_of(reading: Reading, older: Reading | None = None) -> Wanted:
    """The files that a reading is of; with an older one, those of the changes since."""
    assert reading.snapshot is not None  # noqa: S101 - a version has a snapshot
    if older is None:
        return Wanted(reading.view, reading.snapshot)
    return Wanted(reading.view, reading.snapshot, older.snapshot, tuple(reading.contract.key))


def _require_same(link: Link, file: ExtractFile | None) -> None:
    """LinkEnded where a link was given for a file that has other bytes now: by another DuckDB, or of a lake brought back."""
    if file is not None and link.file_id not in ("", file.id):
        raise LinkEnded
