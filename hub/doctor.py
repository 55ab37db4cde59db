"""What is wrong with this installation, and how to put it right; each check by itself, so that one that breaks is a finding."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field

from catalog.identity.people import Subject
from catalog.overview import health
from catalog.overview.health import Finding
from catalog.store import database
from contracts.clock import ahead, local, machine, now, zone
from contracts.errors import HubError
from hub.acts import act, doing
from hub.hub import Hub
from warehouse.settings import Settings

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

    whole: bool = Field(
        True,
        description="Compare every batch and version with the lake now; otherwise the newest batch, with what the last whole "
        "comparison of the day found.",
    )


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
    return examined(hub, subject, whole=given.whole)


def examined(hub: Hub, subject: Subject, more: Sequence[Look] = (), *, whole: bool = True) -> Health:
    """The act, with the checks of a door that knows more of the machine."""
    with doing(hub, subject, "doctor") as deed:
        deed.pause()  # looking takes seconds
        result = health_of(list(examine(hub.settings, more, whole=whole)))
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


def examine(settings: Settings, more: Sequence[Look] = (), *, whole: bool = True) -> Iterator[Finding]:
    """Every check, and those of a door that knows more (`more`: runs and watched folders are known on the machine only).
    `whole`: every batch is compared with the lake now."""
    from hub import comparison, packs  # here, for the start: tests/cli/test_start.py

    looks: list[Look] = [_python, _packages, _home, _disk, _clock]
    if settings.root.is_dir():
        looks += [_extensions, _writer, _migrations, _lake, comparison.accounts if whole else comparison.newest, *more]
    for look in looks:
        yield _safely(look, settings)
    if not settings.root.is_dir():
        return
    try:
        with database.session(settings.catalog_database) as session:
            database.require(settings.catalog_database)
            yield from health.examine(session, settings.audit_head, witnessed=bool(settings.audit_witness))
            yield _packs(settings, packs.altered(session, settings))
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
    wanted = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    installed = ((name, version, _installed(name)) for name, version in wanted)
    wrong = [f"{name} {here} ≠ {version}" for name, version, here in installed if here != version]
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


@cache
def _installed(name: str) -> str:
    """Read once: a process goes on with the packages that it began with."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "—"


def _extensions(settings: Settings) -> Finding:
    """DuckDB's extensions load from the installed wheels, signed by its makers."""
    from warehouse.storage import connection

    names = connection.extensions(settings)
    faulty = [name for name in names if not connection.is_signed(name)]
    if not faulty:
        return Finding(
            "extensions", "good", f"DuckDB 扩展 {'、'.join(names)} 可用", f"DuckDB extensions {', '.join(names)} are there"
        )
    return Finding(
        "extensions",
        "bad",
        f"DuckDB 扩展 {'、'.join(faulty)} 缺失、版本不符或签名无效",
        f"DuckDB extensions missing, of another version or not as signed: {', '.join(faulty)}",
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
    free_space = f"{usage.free / 2**30:.1f} GiB / {usage.total / 2**30:.1f} GiB"
    if usage.free >= LEAST_FREE and usage.free / usage.total >= LEAST_SHARE:
        return Finding("disk", "good", f"剩余 {free_space}", f"{free_space} free")
    state = "bad" if usage.free < LEAST_FREE / 4 else "warning"
    return Finding(
        "disk",
        state,
        f"磁盘将满：剩余 {free_space}",
        f"the disk is nearly full: {free_space} free",
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
        payload = json.loads(path.read_text(encoding="utf-8"))
        since = machine().timestamp() - path.stat().st_mtime
    except (OSError, ValueError):
        payload, since = {}, 0.0
    what = f"{payload.get('what', '?')} (pid {payload.get('pid', '?')})"
    state = "warning" if since > 3600 else "good"
    mend = (
        (f"若该进程已无响应：kill {payload.get('pid', '')}", f"if that process hangs: kill {payload.get('pid', '')}")
        if since > 3600
        else ("", "")
    )
    return Finding(
        "writer", state, f"正在写入：{what}，已 {since:.0f} 秒", f"being written to by {what} for {since:.0f} s", *mend
    )


def _migrations(settings: Settings) -> Finding:
    revisions, wanted = database.current(settings.catalog_database), database.newest()
    if revisions == wanted:
        return Finding("migrations", "good", f"目录库结构 {revisions}", f"catalogue at revision {revisions}")
    return Finding(
        "migrations",
        "bad",
        f"目录库结构 {revisions or '空'}，应为 {wanted}",
        f"catalogue at revision {revisions or 'none'}, needs {wanted}",
        "hub init",
        "hub init",
    )


def _lake(settings: Settings) -> Finding:
    """The lake opens for reading."""
    from warehouse.storage import connection

    if not connection.exists(settings):
        return Finding("lake", "bad", "还没有数据湖", "there is no lake yet", "hub init", "hub init")
    with connection.reader(settings) as lake:
        row = lake.execute("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake'").fetchone()
    tables = row[0] if row else 0
    return Finding("lake", "good", f"数据湖可读，{tables} 张表", f"the lake opens, {tables} tables")


def _packs(settings: Settings, altered: list[str]) -> Finding:
    """The copies of packs from which models are built are as they were added."""
    if not altered:
        return Finding("packs", "good", "各包文件完好", "the packs' files are whole")
    listed = ", ".join(altered)
    return Finding(
        "packs",
        "bad",
        f"{settings.packs} 中的包缺失或被改动，模型无法按原样构建：{listed}",
        f"packs in {settings.packs} are missing or changed, their models are not what was added: {listed}",
        "用同一版本的包再运行 hub pack add，即恢复原样",
        "hub pack add with the same version of the pack puts it back",
    )
