"""What waits for a person: answers and signatures due, quarantined batches, drafts, late data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from operator import not_
from typing import Any

from sqlalchemy import case, or_
from sqlmodel import Session, col, select

from catalog import access, workdays
from catalog.acquisition import calendars, channels
from catalog.deliveries.batches import MENDABLE, Batch, BatchState
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.identity.people import Role, Subject
from catalog.overview import agreement_tasks
from catalog.overview import register as acquisitions
from contracts.clock import day_of, today

MOST = 200
"""Tasks of one kind that are read at most."""
TOLD_DAYS = 30
"""Days for which a sender is told of a delivery that was undone."""
HUB_ACTS = ("sign", "release", "renew", "answer-batch", "channel")
"""Kinds that the hub's stewards do, whoever provides the data."""


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
    owner: str = ""
    """Organization whose turn it is; "" where the hub's stewards act."""
    steward: str = ""
    """The one steward whose turn it is; "" for any."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Tasks by whose turn it is, each most pressing first: the reader's own, and what others owe that the reader follows.

    Of each kind at most MOST are read; the counts are of all.
    """

    own: tuple[Task, ...] = ()
    followed: tuple[Task, ...] = ()
    own_count: int = 0
    followed_count: int = 0


def inbox(session: Session, subject: Subject, on: date | None = None) -> Inbox:
    """A person's tasks. Nobody has one that the policies keep from them: stewards act for the hub and follow the others,
    providers see what concerns their organization, administrators channels and calendar; others have none."""
    if subject.kind == "anonymous":
        return Inbox()
    day = on or today()
    manages = access.may(session, subject, "manage-agreement")
    if not manages and not subject.has(Role.PROVIDER):
        found = [*_channels(session, ""), *_calendar(session, day)] if access.may(session, subject, "administer") else []
        return Inbox(tuple(found), own_count=len(found))
    own = "" if manages else subject.organization_id
    if not manages and not own:
        return Inbox()
    turns = agreement_tasks.Turns(session, subject, own, day, manages=manages)
    numbers = turns.pressing(MOST)
    tasks = [*_agreements(session, numbers, own, day), *_others(session, own, day)]
    tasks.sort(key=lambda task: (task.left if task.left is not None else 10_000, task.key))
    whose = [_turn(task, subject, manages=manages) for task in tasks]
    mine, theirs = tuple(compress(tasks, whose)), tuple(compress(tasks, map(not_, whose)))
    counts = [
        sum(1 for task in listed if task.kind not in agreement_tasks.KINDS) + counted
        for listed, counted in zip((mine, theirs), turns.counts(), strict=True)
    ]
    return Inbox(mine, theirs, *counts)


def waiting(session: Session, subject: Subject, on: date | None = None) -> int:
    """How many tasks are the reader's own: what the badge of every page shows, without the agreements themselves."""
    day = on or today()
    manages = access.may(session, subject, "manage-agreement")
    if not manages and not subject.has(Role.PROVIDER):
        return inbox(session, subject, day).own_count
    own = "" if manages else subject.organization_id
    if not manages and not own:
        return 0
    others = sum(_turn(task, subject, manages=manages) for task in _others(session, own, day))
    return others + agreement_tasks.Turns(session, subject, own, day, manages=manages).counts()[0]


def _turn(task: Task, subject: Subject, *, manages: bool) -> bool:
    """Whether it is this person's turn: their organization's, or the hub's where they act for it and nobody else is named."""
    if task.owner:
        return task.owner == subject.organization_id
    return manages and (not task.steward or subject.kind == "local" or task.steward == subject.person_id)


def _others(session: Session, own: str, day: date) -> Iterator[Task]:
    """Everything that waits but agreements, or what concerns an organization."""
    yield from _batches(session, own, day)
    yield from _undone(session, own, day)
    yield from _drafts(session, own, day)
    yield from _channels(session, own)
    if not own:
        yield from _calendar(session, day)


def _agreements(session: Session, numbers: Sequence[str], own: str, day: date) -> Iterator[Task]:
    """Deadlines of the register that are late or near."""
    words = {
        "answer": ("须答复", "answer due"),
        "sign": ("须签订", "signature due"),
        "deliver": ("须交付数据", "data due"),
        "report": ("须收齐报送", "reports due"),
        "release": ("须发布新版本", "release due"),
        "renew": ("须决定续签", "renewal to decide"),
    }
    for row in acquisitions.rows_of(session, numbers, day):
        if row.deadline is None:
            continue
        one, clock = row.agreement, row.deadline
        zh, en = words[clock.what]
        detail, detail_en = f"{row.provider.name}{zh}", f"{row.provider.name_en or row.provider.name}: {en}"
        yield Task(
            clock.what, one.id, one.title, one.title_en or one.title, detail, detail_en, clock.start, clock.due, clock.left,
            owner="" if clock.what in HUB_ACTS and not own else one.provider_id, steward=one.steward_id or "",
        )  # fmt: skip


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
            owner="" if kind in HUB_ACTS else batch.organization_id or "",
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
            owner=own,
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
            owner=own,
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
        owner = own if resource.state == "draft" else ""  # registered: the authority reviews
        yield Task("draft", resource.name, resource.title, title_en, zh, en, start, due, calendar.left(due, day), owner)
