"""What is wrong with this installation, and how to put it right; each check by itself, so that one that breaks is a finding."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field

from catalog.identity.people import Subject
from catalog.ledger import CatalogLedger
from catalog.overview import health
from catalog.overview.health import Finding
from catalog.releases import releases
from catalog.store import database
from contracts.clock import ahead, local, machine, now, zone
from contracts.errors import HubError
from hub.acts import act, doing
from hub.hub import Hub
from warehouse.ingest import accounts
from warehouse.settings import Settings
from warehouse.storage import connection

Look = Callable[[Settings], Finding]
ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "deploy" / "locks" / "runtime.txt"
LEAST_PYTHON = (3, 11)
LEAST_FREE = 2 * 2**30
LEAST_SHARE = 0.05
FIRST_SENSIBLE_DAY = 1_767_225_600  # 2026-01-01: a clock before it was never set
CLOCK_TOLERANCE = 5.0


class Examine(BaseModel):
    """The whole installation."""


class FindingState(BaseModel):
    """One finding. `state`: good, warning or bad."""

    name: str
    state: str
    message: str
    message_en: str
    remedy: str = Field(description="What to do; empty where nothing is to be done.")
    remedy_en: str


class Health(BaseModel):
    """What the doctor found."""

    findings: list[FindingState]
    bad: int
    warnings: int


@act(
    "doctor",
    policy="administer",
    zh="检查本安装",
    en="examine the installation",
    api="GET /doctor",
    cli="doctor",
    portal="/administration/health",
)
def doctor(hub: Hub, subject: Subject, given: Examine) -> Health:
    """Look at versions, extensions, locks, disk, clock, migrations, batches, calendar, code lists and audit; say what to do."""
    return examined(hub, subject)


def examined(hub: Hub, subject: Subject, more: Sequence[Look] = ()) -> Health:
    """The act, with the checks of a door that knows more of the machine."""
    with doing(hub, subject, "doctor") as deed:
        deed.pause()  # looking takes seconds
        result = health_of(list(examine(hub.settings, more)))
        deed.detail = {"bad": result.bad, "warnings": result.warnings}
        return result


def health_of(findings: Sequence[Finding]) -> Health:
    """Findings, counted."""
    states = [
        FindingState(
            name=one.name,
            state=one.state,
            message=one.message,
            message_en=one.message_en,
            remedy=one.mend,
            remedy_en=one.mend_en,
        )
        for one in findings
    ]
    return Health(
        findings=states,
        bad=sum(one.state == "bad" for one in states),
        warnings=sum(one.state == "warning" for one in states),
    )


def examine(settings: Settings, more: Sequence[Look] = ()) -> Iterator[Finding]:
    """Every check, and those of a door that knows more (`more`: runs and watched folders are known on the machine only)."""
    looks: list[Look] = [_python, _packages, _home, _disk, _clock]
    if settings.root.is_dir():
        looks += [_extensions, _writer, _migrations, _lake, accounts_finding, *more]
    for look in looks:
        yield _safely(look, settings)
    if not settings.root.is_dir():
        return
    try:
        with database.session(settings.catalog_database) as session:
            database.require(settings.catalog_database)
            yield from health.examine(session, settings.audit_head, witnessed=bool(settings.audit_witness))
    except HubError:
        return  # the migrations' finding has said it
    except Exception as error:
        yield Finding("catalogue", "bad", f"目录库无法读取：{error}", f"the catalogue cannot be read: {error}")


def _safely(look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return look(settings)
    except HubError as error:
        return Finding(look.__name__.strip("_"), "bad", error.message, error.message_en)
    except Exception as error:
        name = look.__name__.strip("_")
        return Finding(name, "bad", f"检查失败：{error}", f"the check failed: {error}")


def _python(_: Settings) -> Finding:
    here = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= LEAST_PYTHON:
        return Finding("python", "good", f"Python {here}", f"Python {here}")
    return Finding(
        "python", "bad", f"Python {here} 过旧", f"Python {here} is too old", "安装 3.11 或更新版本", "install 3.11 or newer"
    )


def _packages(_: Settings) -> Finding:
    """Installed versions against the lock."""
    wrong = []
    wanted = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    for name, version in wanted:
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            here = "—"
        if here != version:
            wrong.append(f"{name} {here} ≠ {version}")
    if not wrong:
        return Finding("packages", "good", f"{len(wanted)} 个依赖与锁定版本一致", f"{len(wanted)} packages are as locked")
    some = "; ".join(wrong[:6])
    return Finding(
        "packages",
        "warning",
        f"{len(wrong)} 个依赖与锁定版本不同：{some}",
        f"{len(wrong)} packages differ from the lock: {some}",
        "make setup",
        "make setup",
    )


def _extensions(settings: Settings) -> Finding:
    """DuckDB's extensions load from the installed wheels."""
    folder = connection.extension_directory(settings)
    names = ["ducklake", "postgres_scanner" if settings.lake_catalog else "sqlite_scanner"]
    missing = [name for name in names if not any(folder.rglob(f"{name}.duckdb_extension"))]
    if not missing:
        return Finding(
            "extensions", "good", f"DuckDB 扩展 {'、'.join(names)} 可用", f"DuckDB extensions {', '.join(names)} are there"
        )
    return Finding(
        "extensions",
        "bad",
        f"缺少 DuckDB 扩展 {'、'.join(missing)}",
        f"DuckDB extensions missing: {', '.join(missing)}",
        "make setup",
        "make setup",
    )


def _home(settings: Settings) -> Finding:
    if not settings.root.is_dir():
        return Finding("home", "bad", f"{settings.root} 不存在", f"{settings.root} does not exist", "hub init", "hub init")
    if not os.access(settings.root, os.W_OK):
        mend = f"chown -R $(whoami) {settings.root}"
        return Finding("home", "bad", f"{settings.root} 不可写", f"{settings.root} cannot be written to", mend, mend)
    if settings.root.stat().st_mode & 0o007:
        mend = f"chmod -R o-rwx {settings.root}"
        zh, en = f"{settings.root} 对本机所有用户开放", f"{settings.root} is open to every user of this machine"
        return Finding("home", "bad", zh, en, mend, mend)
    keys = settings.audit_key.parent
    loose = [path for path in (keys, settings.audit_key) if path.exists() and path.stat().st_mode & 0o077]
    if loose:
        mend = f"chmod -R go-rwx {keys}"
        return Finding("home", "warning", f"{keys} 可被他人读取", f"{keys} can be read by others", mend, mend)
    if not settings.audit_key.exists():
        return Finding("home", "bad", "缺少审计封存密钥", "the audit's sealing key is missing", "hub init", "hub init")
    return Finding("home", "good", f"{settings.root}", f"{settings.root}")


def _disk(settings: Settings) -> Finding:
    where = settings.root if settings.root.exists() else settings.root.parent
    usage = shutil.disk_usage(where)
    told = f"{usage.free / 2**30:.1f} GiB / {usage.total / 2**30:.1f} GiB"
    if usage.free >= LEAST_FREE and usage.free / usage.total >= LEAST_SHARE:
        return Finding("disk", "good", f"剩余 {told}", f"{told} free")
    state = "bad" if usage.free < LEAST_FREE / 4 else "warning"
    return Finding(
        "disk",
        state,
        f"磁盘将满：剩余 {told}",
        f"the disk is nearly full: {told} free",
        "hub lake maintain，或扩容",
        "hub lake maintain, or add space",
    )


def _clock(settings: Settings) -> Finding:
    """The clock was set, the file system agrees with it, and nobody moved the hub's own."""
    mend = ("校准系统时间（NTP）", "set the system clock (NTP)")
    if machine().timestamp() < FIRST_SENSIBLE_DAY:
        return Finding("clock", "bad", "系统时间早于 2026 年", "the clock stands before 2026", *mend)
    if ahead() and settings.environment != "demo":
        return Finding(
            "clock",
            "bad",
            f"汇的时钟被 HUB_CLOCK 拨快 {ahead().total_seconds():.0f} 秒，时限和审计时间都不真实",
            f"HUB_CLOCK moves the hub's clock by {ahead().total_seconds():.0f} s: deadlines and audit times are untrue",
            "去掉环境变量 HUB_CLOCK，并重启各进程",
            "unset HUB_CLOCK and restart every process",
        )
    shown = f"{local(now()):%Y-%m-%d %H:%M:%S} {zone().key}"
    probe = settings.root / ".clock"
    if not settings.root.is_dir():
        return Finding("clock", "good", shown, shown)
    probe.touch()
    apart = abs(probe.stat().st_mtime - machine().timestamp())
    probe.unlink()
    if apart > CLOCK_TOLERANCE:
        return Finding(
            "clock",
            "warning",
            f"系统时间与文件系统相差 {apart:.0f} 秒",
            f"clock and file system are {apart:.0f} s apart",
            *mend,
        )
    return Finding("clock", "good", shown, shown)


def _writer(settings: Settings) -> Finding:
    """Nobody holds the lake's writer lock for hours."""
    path = settings.lake / "writer.lock"
    if not path.exists():
        return Finding("writer", "good", "写锁空闲", "nobody writes to the lake")
    try:
        with FileLock(path, timeout=0):
            return Finding("writer", "good", "写锁空闲", "nobody writes to the lake")
    except Timeout:
        return _holder(settings.lake / "writer.json")


def _holder(path: Path) -> Finding:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        since = machine().timestamp() - path.stat().st_mtime
    except (OSError, ValueError):
        told, since = {}, 0.0
    what = f"{told.get('what', '?')} (pid {told.get('pid', '?')})"
    state = "warning" if since > 3600 else "good"
    mend = (
        (f"若该进程已无响应：kill {told.get('pid', '')}", f"if that process hangs: kill {told.get('pid', '')}")
        if since > 3600
        else ("", "")
    )
    return Finding(
        "writer", state, f"正在写入：{what}，已 {since:.0f} 秒", f"being written to by {what} for {since:.0f} s", *mend
    )


def _migrations(settings: Settings) -> Finding:
    found, wanted = database.current(settings.catalog_database), database.newest()
    if found == wanted:
        return Finding("migrations", "good", f"目录库结构 {found}", f"catalogue at revision {found}")
    return Finding(
        "migrations",
        "bad",
        f"目录库结构 {found or '空'}，应为 {wanted}",
        f"catalogue at revision {found or 'none'}, needs {wanted}",
        "hub init",
        "hub init",
    )


def _lake(settings: Settings) -> Finding:
    """The lake opens for reading."""
    if not connection.exists(settings):
        return Finding("lake", "bad", "还没有数据湖", "there is no lake yet", "hub init", "hub init")
    with connection.reader(settings) as lake:
        row = lake.execute("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake'").fetchone()
    tables = row[0] if row else 0
    return Finding("lake", "good", f"数据湖可读，{tables} 张表", f"the lake opens, {tables} tables")


def accounts_finding(settings: Settings) -> Finding:
    """Lake and catalogue say the same of every batch, and every version in force has its snapshot."""
    if not connection.exists(settings) or database.current(settings.catalog_database) != database.newest():
        return Finding("accounts", "good", "尚无可对照的记录", "there is nothing to compare yet")
    with connection.reader(settings) as lake:
        both = accounts.read(lake, CatalogLedger(settings.catalog_database))
        missing = [held.batch_id for held in both.missing() if not accounts.rows_there(lake, held)]
    # A demo plays on days of its own: its versions are older than their snapshots.
    demo = settings.environment == "demo"
    snapshots = dict.fromkeys(both.snapshots, datetime.min.replace(tzinfo=UTC)) if demo else both.snapshots
    with database.session(settings.catalog_database) as session:
        pins = [f"{name} v{version}" for name, version in releases.without_snapshot(session, snapshots)]
    if missing or both.unknown() or both.of_other_bytes():
        lost = "、".join([*both.unknown(), *both.of_other_bytes(), *missing][:5])
        zh = f"数据湖与目录不一致：目录不知 {len(both.unknown())} 批，同号异文件 {len(both.of_other_bytes())} 批，"
        en = f"lake and catalogue differ: {len(both.unknown())} batches unknown to the catalogue, "
        en += f"{len(both.of_other_bytes())} of other bytes, {len(missing)} not in the lake: {lost.replace('、', ', ')}"
        mend = ("运行 hub batch reconcile", "run `hub batch reconcile`")
        return Finding("accounts", "bad", f"{zh}湖中缺 {len(missing)} 批：{lost}", en, *mend)
    if pins:
        names = "、".join(pins[:5])
        return Finding(
            "accounts",
            "bad",
            f"{len(pins)} 个已发布版本的快照不在湖中：{names}",
            f"{len(pins)} released versions have lost their snapshot: {names.replace('、', ', ')}",
            "用 hub release recall 召回并重新发布，或从备份恢复",
            "recall them (`hub release recall`) and release anew, or restore a backup",
        )
    return Finding(
        "accounts", "good", f"{len(both.placed):,} 个批次与数据湖一致", f"{len(both.placed):,} batches as in the lake"
    )
