"""What waits for a person: answers and signatures due, quarantined batches, drafts, late data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case, or_
from sqlmodel import Session, col, select

from catalog import acquisitions, calendars, channels, workdays
from catalog.batches import MENDABLE, Batch, BatchState
from catalog.organizations import Organization
from catalog.people import Role, Subject
from catalog.resources import Resource
from contracts.clock import day_of, today

TOLD_DAYS = 30
"""Days for which a sender is told of a delivery that was undone."""
EVERYTHING = (Role.STEWARD, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits. `kind`: answer, sign, deliver, report, release, renew, quarantine, returned, answer-batch,
    undone, draft, channel or calendar."""

    kind: str
    key: str
    """Agreement, batch or resource it is about."""
    title: str
    title_en: str
    detail: str
    detail_en: str
    start: date
    due: date | None
    left: int | None
    """Working days left; negative when late, None where nothing runs."""


def inbox(session: Session, subject: Subject, on: date | None = None) -> list[Task]:
    """A person's tasks, most pressing first. Stewards see all, others what concerns their organization; auditors, partners
    and analysts have none."""
    if subject.kind == "anonymous" or not (subject.has(*EVERYTHING, Role.PROVIDER) or subject.kind == "local"):
        return []
    day = on or today()
    own = "" if subject.has(*EVERYTHING) or subject.kind == "local" else subject.organization_id
    tasks = [
        *_agreements(session, own, day),
        *_batches(session, own, day),
        *_undone(session, own, day),
        *_drafts(session, own, day),
        *_channels(session, own),
        *([] if own else _calendar(session, day)),
    ]
    return sorted(tasks, key=lambda task: (task.left if task.left is not None else 10_000, task.key))


def _agreements(session: Session, own: str, day: date) -> Iterator[Task]:
    """Deadlines of the register that are late or near."""
    words = {
        "answer": ("须答复", "answer due"),
        "sign": ("须签订", "signature due"),
        "deliver": ("须交付数据", "data due"),
        "report": ("须收齐报送", "reports due"),
        "release": ("须发布新版本", "release due"),
        "renew": ("须决定续签", "renewal to decide"),
    }
    for row in acquisitions.stages(session, day).rows:
        if row.deadline is None or row.group not in ("late", "near") or (own and row.agreement.provider_id != own):
            continue
        one, clock = row.agreement, row.deadline
        zh, en = words[clock.what]
        detail, detail_en = f"{row.provider.name}{zh}", f"{row.provider.name_en or row.provider.name}: {en}"
        yield Task(
            clock.what, one.id, one.title, one.title_en or one.title, detail, detail_en, clock.start, clock.due, clock.left
        )


def _batches(session: Session, own: str, day: date) -> Iterator[Task]:
    """Batches with rows that no correction has mended yet, returned whole, or held for an answer.

    A correction that was refused itself leaves the task with the batch that it was to mend.
    """
    asked = (
        select(Batch, Resource, Organization)
        .join(Resource, col(Resource.name) == Batch.dataset, isouter=True)
        .join(Organization, col(Organization.id) == Batch.organization_id, isouter=True)
        .where(or_(col(Batch.state) == BatchState.HELD, col(Batch.state).in_(MENDABLE) & _waits()))
    )
    if own:
        asked = asked.where(Batch.organization_id == own)
    calendar, days = workdays.calendar(session), workdays.step_days(session, "mend-quarantine", day)
    for batch, resource, sender in session.exec(asked.order_by(col(Batch.sequence).desc()).limit(200)):
        start = day_of(batch.received_at)
        due = calendar.add(start, days)
        kind, zh, en = _waiting_for(batch)
        title, name = resource.title if resource else batch.dataset, sender.name if sender else ""
        name_en = (sender.name_en if sender else "") or name
        yield Task(
            kind=kind,
            key=batch.id,
            title=title,
            title_en=(resource.title_en if resource else "") or title,
            detail=f"{name}批次 {batch.id[4:]}：{zh}",
            detail_en=f"{name_en} batch {batch.id[4:]}: {en}",
            start=start,
            due=due,
            left=calendar.left(due, day),
        )


def _calendar(session: Session, day: date) -> Iterator[Task]:
    """Years whose table is missing: from October on the next one, whose deadlines are an estimate until it is imported."""
    for year in calendars.missing(session, day):
        yield Task(
            kind="calendar",
            key=f"{year}",
            title=f"{year} 年节假日表",
            title_en=f"Working days of {year}",
            detail="未导入，到期日为估算；一般在 11 月初公布",
            detail_en="not imported: deadlines are estimates; published in early November",
            start=date(year - 1, calendars.PUBLISHED_MONTH, 1),
            due=None,
            left=None,
        )


def _channels(session: Session, own: str) -> Iterator[Task]:
    """Channels that fail again and again."""
    for one in channels.failing(session):
        if own and one.agreement.provider_id != own:
            continue
        yield Task(
            kind="channel",
            key=one.agreement.id,
            title=one.agreement.title,
            title_en=one.agreement.title_en or one.agreement.title,
            detail=f"通道连续 {one.times} 次未收到：{one.last.reason[:120]}",
            detail_en=f"the channel failed {one.times} times in a row: {one.last.reason_en[:120]}",
            start=day_of(one.since),
            due=None,
            left=None,
        )


def _waits() -> Any:
    """SQL: some row is not mended; where no row could be counted, nothing accepted has corrected it yet.

    What a correction has in quarantine itself is open with the batch that it corrects, and counted there.
    """
    rows = case((col(Batch.quarantined) > 0, col(Batch.quarantined)), else_=1)
    return (col(Batch.mended) < rows) & col(Batch.corrects).is_(None)


def _waiting_for(batch: Batch) -> tuple[str, str, str]:
    """The kind of task that a batch is, and in words what it waits for."""
    if batch.state == BatchState.HELD:
        return "answer-batch", "待答复，未入库", "held until answered"
    if batch.state == BatchState.PARTIAL:
        rows = batch.open_rows
        return "quarantine", f"{rows:,} 行隔离", f"{rows:,} {'row' if rows == 1 else 'rows'} quarantined"
    return "returned", "整批退回", "returned whole"


def _undone(session: Session, own: str, day: date) -> Iterator[Task]:
    """Deliveries of an organization that were taken back lately, with the reason: its sender is told here."""
    if not own:
        return
    asked = select(Batch, Resource).join(Resource, col(Resource.name) == Batch.dataset, isouter=True)
    asked = asked.where(Batch.state == BatchState.UNDONE, Batch.organization_id == own)
    for batch, resource in session.exec(asked.order_by(col(Batch.sequence).desc()).limit(50)):
        on = day_of(batch.finished_at or batch.received_at)
        if (day - on).days > TOLD_DAYS:
            continue
        title = resource.title if resource else batch.dataset
        yield Task(
            kind="undone",
            key=batch.id,
            title=title,
            title_en=(resource.title_en if resource else "") or title,
            detail=f"批次 {batch.id[4:]} 已撤销：{batch.reason}",
            detail_en=f"Batch {batch.id[4:]} was undone: {batch.reason}",
            start=on,
            due=None,
            left=None,
        )


def _drafts(session: Session, own: str, day: date) -> Iterator[Task]:
    """Entries that are not published yet: the authority reviews within two working days (catalogue-rules.md)."""
    asked = select(Resource).where(col(Resource.state).in_(("draft", "registered")))
    if own:
        asked = asked.where(Resource.provider_id == own)
    calendar, days = workdays.calendar(session), workdays.step_days(session, "review-entry", day)
    words = {"draft": ("目录待登记", "entry to be registered"), "registered": ("目录发布待审核", "entry to be reviewed")}
    for resource in session.exec(asked.order_by(col(Resource.created_at)).limit(200)):
        start = day_of(resource.created_at)
        due = calendar.add(start, days)
        zh, en = words[resource.state]
        title_en = resource.title_en or resource.title
        yield Task("draft", resource.name, resource.title, title_en, zh, en, start, due, calendar.left(due, day))
