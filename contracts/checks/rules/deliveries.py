"""Rules about a delivery as a whole. Judged by warehouse.ingest.outcome; a steward may let a breach pass (放行)."""

from __future__ import annotations

from datetime import timedelta

from contracts.checks.rules.base import BatchCheck, Dimension, Rule, Scope
from contracts.checks.rules.wording import named
from contracts.model import Said


def duration(span: timedelta) -> str:
    """A freshness limit as people read it: 35 d, 6 h, 15 min."""
    if span >= timedelta(days=1) and span.seconds == 0:
        return f"{span.days} d"
    if span.total_seconds() % 3600 == 0:
        return f"{span.total_seconds() / 3600:g} h"
    return f"{span.total_seconds() / 60:g} min"


def _got(value: str | None) -> Said:
    return (f"，收到 {value}", f", received {value}") if value else ("", "")


def _row_count(check: BatchCheck, value: str | None) -> Said:
    zh, en = _got(value)
    return (
        f"一批应有 {check.limit} 行{zh}；请核对是否漏报或重复导出。",
        f"a delivery must have {check.limit} rows{en}; check for missing or repeated parts.",
    )


def _freshness(check: BatchCheck, value: str | None) -> Said:
    zh, en = _got(value)
    return (
        f"最新的“{named(check)[0]}”距收到不得超过 {check.limit}{zh}；请确认交付的是最新数据。",
        f"the newest {named(check)[1]} may be at most {check.limit} old{en}; make sure that this is the latest data.",
    )


def _vanish(check: BatchCheck, value: str | None) -> Said:
    zh, en = _got(value)
    return (
        f"全量交付至多可减少 {check.limit} 的记录{zh}；若确实减少，请书面说明后由数据管理员放行。",
        f"a full delivery may remove at most {check.limit} of the records{en}; if they are gone, tell the steward.",
    )


def _share(check: BatchCheck, value: str | None) -> Said:
    zh, en = _got(value)
    return (
        f"被隔离的行至多占 {check.limit}{zh}；整批退回，请修改后重新报送。",
        f"at most {check.limit} of the rows may be quarantined{en}; correct the delivery and send it again.",
    )


ROW_COUNT: Rule[BatchCheck] = Rule(
    name="row-count",
    title=("行数", "Row count"),
    heading=("行数超出约定", "Row count out of range"),
    scope=Scope.BATCH,
    dimension=Dimension.COMPLETENESS,
    message=_row_count,
)
FRESHNESS: Rule[BatchCheck] = Rule(
    name="freshness",
    title=("时效", "Freshness"),
    heading=("数据过旧", "Data too old"),
    scope=Scope.BATCH,
    dimension=Dimension.TIMELINESS,
    message=_freshness,
)
VANISH: Rule[BatchCheck] = Rule(
    name="vanish",
    title=("全量交付的完整", "Full delivery is whole"),
    heading=("全量交付缺失过多", "Too many rows vanish"),
    scope=Scope.BATCH,
    dimension=Dimension.COMPLETENESS,
    message=_vanish,
)
QUARANTINE_SHARE: Rule[BatchCheck] = Rule(
    name="quarantine-share",
    title=("隔离比例", "Share of quarantine"),
    heading=("隔离行过多", "Too many rows quarantined"),
    scope=Scope.BATCH,
    message=_share,
)
