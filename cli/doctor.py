"""`hub doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from catalog.ledger import CatalogLedger
from catalog.overview import health
from catalog.overview.health import Finding
from catalog.releases import releases
from catalog.store import database
from cli.init import ROOT
from cli.terminal.language import said
from cli.terminal.screen import Screen, styled
from contracts.clock import ahead, local, machine, now, zone
from contracts.errors import HubError
from warehouse.ingest import accounts
from warehouse.settings import Settings
from warehouse.storage import connection

LOCK = ROOT / "deploy" / "locks" / "runtime.txt"
LEAST_PYTHON = (3, 11)
LEAST_FREE = 2 * 2**30
LEAST_SHARE = 0.05
FIRST_SENSIBLE_DAY = 1_767_225_600  # 2026-01-01: a clock before it was never set
CLOCK_TOLERANCE = 5.0


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at versions, extensions, locks, disk, clock, migrations, batches, calendar, code lists and audit.

    Status 1 where something is bad; a warning is worth a look.
    """
    found = list(examine(Settings()))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
    else:
        _print(found)
    if any(one.state == "bad" for one in found):
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, each by itself: one that breaks is itself a finding."""
    looks: list[Callable[[Settings], Finding]] = [_python, _packages, _home, _disk, _clock]
    if settings.root.is_dir():
        looks += [_extensions, _writer, _migrations, _lake, accounts_finding, runs_finding, folders_finding]
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


def runs_finding(settings: Settings) -> Finding:
    """Every run in progress has a living process."""
    if not (settings.root / "dagster" / "history").is_dir():
        return Finding("runs", "good", "尚无运行", "nothing has run yet")
    from orchestration import owners  # dagster takes two seconds to import
    from orchestration.execute import instance

    with instance(settings) as opened:
        left = [run.run_id[:8] for run in owners.orphans(opened)]
    if not left:
        return Finding("runs", "good", "运行中的任务均有进程", "every run in progress has its process")
    return Finding(
        "runs",
        "bad",
        f"{len(left)} 个运行无人执行，队列受阻：{'、'.join(left)}",
        f"{len(left)} runs that nobody runs hold up the queue: {', '.join(left)}",
        "启动 hub work（一分钟内自动结束它们），或运行 hub run reconcile",
        "start `hub work` (it ends them within a minute), or run `hub run reconcile`",
    )


def folders_finding(settings: Settings) -> Finding:
    """Nothing lies in a watched folder that will never be taken."""
    if database.current(settings.catalog_database) != database.newest():
        return Finding("folders", "good", "尚无监视文件夹", "no folder is watched yet")
    from hub import sources
    from hub.hub import open_hub
    from orchestration.collect import passed_over

    hub = open_hub(settings)
    left = passed_over(hub, sources.in_force(hub))
    if not left:
        return Finding("folders", "good", "监视文件夹中没有不会收取的文件", "nothing in a watched folder is passed over")
    path, why, why_en = left[0]
    return Finding(
        "folders",
        "warning",
        f"监视文件夹中有 {len(left)} 项不会收取：{path} {why}",
        f"{len(left)} things in watched folders are passed over: {path} {why_en}",
        "移走，或按约定命名、重新放入",
        "take them away, or put them there again as agreed",
    )


_MARKS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red")}


def _print(found: list[Finding]) -> None:
    console = Screen(soft_wrap=True)
    for one in found:
        console.print(styled(_MARKS[one.state], " ", (f"{one.name:<11}", "bold"), f" {said(one.message, one.message_en)}"))
        if one.mend or one.mend_en:
            console.print(f"  {'':<11} → {said(one.mend, one.mend_en)}", style="cyan")
    bad = sum(one.state == "bad" for one in found)
    warned = sum(one.state == "warning" for one in found)
    console.print(
        said(f"{len(found)} 项检查，{bad} 项有误，{warned} 项提示", f"{len(found)} checks, {bad} bad, {warned} warnings")
    )
