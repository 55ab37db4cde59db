"""Lake and catalogue side by side: every batch and version once a day or when asked, at each look their newest words."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from catalog.ledger import CatalogLedger
from catalog.overview.health import Finding
from catalog.releases import releases
from catalog.store import database
from catalog.store.facts import recall, remember
from contracts.clock import local, now
from warehouse.settings import Settings

KEPT = "lake.compared"
EVERY = timedelta(days=1)
"""How long a comparison is taken at its word: it reads every batch and version there is."""
WHILE_BAD = timedelta(minutes=10)
"""And one that found something, which somebody is mending."""


def accounts(settings: Settings) -> Finding:
    """Lake and catalogue say the same of every batch, and every version in force has its snapshot."""
    from warehouse.ingest import accounts as both_accounts  # here, for the start: tests/cli/test_start.py
    from warehouse.storage import connection

    if not _comparable(settings):
        return Finding("accounts", "good", "尚无可对照的记录", "there is nothing to compare yet")
    with connection.reader(settings) as lake:
        both = both_accounts.read(lake, CatalogLedger(settings.catalog_database))
        missing = [held.batch_id for held in both.missing() if not both_accounts.rows_there(lake, held)]
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


def newest(settings: Settings) -> Finding:
    """What the last whole comparison found, and when, as long as it holds and both sides know the newest batch; otherwise a new
    one."""
    kept = _kept(settings)
    return kept if kept is not None and _agree(settings) else compare(settings)


def compare(settings: Settings) -> Finding:
    """The whole comparison; what it found is kept."""
    found = accounts(settings)
    if _comparable(settings):
        with database.session(settings.catalog_database) as session:
            remember(session, KEPT, asdict(found))
    return found


def compare_when_due(settings: Settings) -> None:
    """The whole comparison, where the last one does not hold any more."""
    if _comparable(settings) and _kept(settings) is None:
        compare(settings)


def _comparable(settings: Settings) -> bool:
    from warehouse.storage import connection

    return connection.exists(settings) and database.current(settings.catalog_database) == database.newest()


def _kept(settings: Settings) -> Finding | None:
    if not _comparable(settings):
        return None
    with database.session(settings.catalog_database) as session:
        kept = recall(session, KEPT)
    if kept is None:
        return None
    found, at = Finding(**kept.value), f"{local(kept.at):%Y-%m-%d %H:%M}"
    if not now() - (EVERY if found.state == "good" else WHILE_BAD) < kept.at <= now():
        return None
    return replace(found, message=f"{at} 全部核对：{found.message}", message_en=f"compared at {at}: {found.message_en}")


def _agree(settings: Settings) -> bool:
    from warehouse.ingest import accounts as both_accounts
    from warehouse.storage import connection

    with connection.reader(settings) as lake:
        return both_accounts.agree(lake, CatalogLedger(settings.catalog_database))
