"""`hub upgrade`: bring a home of an earlier version to this one, and show that nothing in it is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, inspect, text
from sqlmodel import Session

from catalog.audit import chain as audit
from catalog.store import database
from cli.init import prepare
from cli.terminal.identity import user
from cli.terminal.language import said
from cli.terminal.output import table
from contracts.errors import HubError
from warehouse.settings import Settings

COUNTED = ("resource", "contractversion", "batch", "release", "grant", "agreement", "person", "auditrecord")
"""Tables of which an upgrade loses nothing, whatever becomes of their columns."""
TITLES = {
    "resource": ("目录条目", "Entries"),
    "contractversion": ("契约版本", "Contract versions"),
    "batch": ("批次", "Batches"),
    "release": ("数据版本", "Versions"),
    "grant": ("授权", "Grants"),
    "agreement": ("协议", "Agreements"),
    "person": ("人员", "People"),
    "auditrecord": ("审计记录", "Audit records"),
}


class NotAHome(HubError):
    """There is no catalogue to upgrade."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"{home} 中没有目录库；新建请运行 hub init。", f"There is no catalogue in {home}; a new home is made by hub init."
        )


class Lost(HubError):
    """The upgraded catalogue holds less than the one before. It is not to be used."""

    def __init__(self, names: list[str], copy: Path | None) -> None:
        where, where_en = (
            (f"升级前的副本在 {copy}", f"the copy of before is {copy}") if copy else ("请从备份恢复", "restore the backup")
        )
        super().__init__(
            f"升级后缺少：{'、'.join(names)}。请勿使用；{where}。",
            f"The upgraded catalogue lacks: {', '.join(names)}. Do not use it; {where_en}.",
        )


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade found and made. `before`, `after`: rows of each table; `copy`: the catalogue of before (SQLite)."""

    home: str
    revision_before: str
    revision: str
    before: dict[str, int]
    after: dict[str, int]
    audit_whole: bool
    copy: str


def upgrade(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Bring this home to the present version: catalogue, folders, calendar, search index; count everything before and after.

    End `hub serve` and `hub work` first. A catalogue in SQLite is copied beforehand (HUB_HOME/upgrades); of one in PostgreSQL
    take a backup. Run again, it changes nothing.
    """
    done = upgraded(Settings())
    if as_json:
        typer.echo(json.dumps(asdict(done), ensure_ascii=False))
        return
    if done.revision_before == done.revision:
        typer.echo(said(f"{done.home} 已是当前版本（{done.revision}）。", f"{done.home} is up to date ({done.revision})."))
        return
    columns = (("内容", "What"), ("升级前", "Before"), ("升级后", "After"))
    lines = [[said(*TITLES[name]), f"{count:,}", f"{done.after[name]:,}"] for name, count in done.before.items()]
    table((f"{done.revision_before} → {done.revision}",) * 2, columns, lines)
    chain = (
        said("审计链完整", "the audit chain is whole")
        if done.audit_whole
        else said("审计链有疑，见 hub audit verify", "see hub audit verify")
    )
    typer.echo(said(f"已升级：{done.home}；{chain}", f"Upgraded: {done.home}; {chain}"))


def upgraded(settings: Settings) -> Upgraded:
    """The upgrade, and its account. Errors: NotAHome, Lost."""
    engine = database.engine(settings.catalog_database)
    revision = database.current(engine) if _there(settings) else ""
    if not revision:
        raise NotAHome(settings.root)
    with engine.connect() as connection:
        before = _counts(connection)
    changes = revision != database.newest()
    copy = _copied(settings, revision) if changes else None
    prepare(settings)
    with engine.connect() as connection:
        after = _counts(connection)
    lost = [name for name, count in before.items() if after.get(name, 0) < count]
    if lost:
        raise Lost(lost, copy)
    with database.session(engine) as session:
        whole = _finished(session, settings, revision) if changes else _whole(session, settings)
    return Upgraded(str(settings.root), revision, database.newest(), before, after, whole, str(copy or ""))


def _finished(session: Session, settings: Settings, revision: str) -> bool:
    """The search index anew, and the upgrade on record; whether the audit chain is whole."""
    from catalog.search.reindex import reindex  # here, for the start: tests/cli/test_start.py

    reindex(session)
    whole = _whole(session, settings)
    detail = {"from": revision, "to": database.newest(), "audit_whole": whole}
    audit.record(session, actor=f"local:{user()}", action="hub.upgrade", object="hub", detail=detail)
    return whole


def _whole(session: Session, settings: Settings) -> bool:
    from catalog.audit import sealing

    public = settings.audit_key.with_suffix(".pub")
    key = public.read_text(encoding="ascii").strip() if public.is_file() else ""
    return not sealing.verify(session, key, settings.audit_head).findings


def _there(settings: Settings) -> bool:
    return bool(settings.catalog_url) or (settings.root / "catalog.db").is_file()


def _counts(connection: Connection) -> dict[str, int]:
    there = set(inspect(connection).get_table_names())
    counted = [name for name in COUNTED if name in there]
    return {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in counted}  # noqa: S608


def _copied(settings: Settings, revision: str) -> Path | None:
    """The catalogue as it is, beside it; None where it is a server's."""
    if settings.catalog_url:
        return None
    folder = settings.root / "upgrades"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"catalog-{revision}.db"
    with closing(sqlite3.connect(settings.root / "catalog.db")) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o600)
    return target
