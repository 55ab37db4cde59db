"""What waits for a person: answers and signatures due, quarantined batches, drafts, late data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from operator import not_

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from catalog import access, workdays
from catalog.acquisition import calendars, channels, steps
from catalog.deliveries.batches import Batch, BatchState
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.identity.people import Role, Subject
from catalog.overview import agreement_tasks, task_counts
from catalog.overview import register as acquisitions
from catalog.overview.task_counts import TaskCounts
from contracts.clock import day_of, today

MOST = 200
"""Tasks of one kind that are read at most."""
HUB_ACTS = ("request", "sign", "release", "renew", "answer-batch", "channel")
"""Kinds that the hub's stewards do, whoever provides the data."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits. `kind`: request, answer, sign, deliver, report, release, renew, quarantine, returned, answer-batch,
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
    kinds: frozenset[str] = frozenset()
    """Kinds of task that there are in the list asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: at most so many tasks of each source, of one turn ("own" or "followed") or both, of one kind."""

    most: int = MOST
    whose: str = ""
    kind: str = ""
    counted: bool = True
    offered: bool = True
    """Kinds of task that there are are told as well."""

    @property
    def turns(self) -> tuple[bool, ...]:
        """The turns that are read: the reader's own, another's."""
        return {"own": (True,), "followed": (False,)}.get(self.whose, (True, False))

    def any_of(self, *kinds: str) -> bool:
        """Whether a source of these kinds is read."""
        return self.kind in ("", *kinds)


def inbox(session: Session, subject: Subject, on: date | None = None, asked: Asked = Asked()) -> Inbox:
    """A person's tasks. The most pressing ones of a list are among the most pressing ones of each source.

    Nobody has one that the policies keep from them: stewards act for the hub and follow the others, providers see what concerns
    their organization, administrators channels and calendar; others have none.
    """
    day = on or today()
    manages, own = _concerned(session, subject)
    if manages is None:
        found = [*_channels(session, ""), *_calendar(session, day)] if access.may(session, subject, "administer") else []
        return Inbox(tuple(found), own_count=len(found), kinds=frozenset(task.kind for task in found))
    if not manages and not own:
        return Inbox()
    turns = agreement_tasks.Turns(session, subject, own, day, manages=manages)
    tasks: list[Task] = []
    if asked.any_of(*agreement_tasks.KINDS):
        numbers = [turns.pressing(asked.most, mine=turn, kind=asked.kind) for turn in asked.turns]
        tasks += _agreements(session, [one for some in numbers for one in some], own, day)
    for turn in asked.turns:
        tasks += _batches(session, subject, own, day, asked, mine=turn, manages=manages)
        tasks += _drafts(session, own, day, asked.most, mine=turn, manages=manages) if asked.any_of("draft") else ()
    tasks += [*_undone(session, own, day), *_channels(session, own, asked.most), *([] if own else _calendar(session, day))]
    tasks.sort(key=lambda task: task.left if task.left is not None else 10_000)
    whose = [_turn(task, subject, manages=manages) for task in tasks]
    mine, theirs = tuple(compress(tasks, whose)), tuple(compress(tasks, map(not_, whose)))
    kinds = _kinds(session, turns, tasks, asked) if asked.offered else frozenset()
    if not asked.counted:
        return Inbox(mine, theirs, kinds=kinds)
    counts = turns.counts() + task_counts.counted(session, subject, own, day, manages=manages)
    return Inbox(mine, theirs, counts.own, counts.followed, kinds)


def _kinds(session: Session, turns: agreement_tasks.Turns, tasks: Sequence[Task], asked: Asked) -> frozenset[str]:
    """Kinds of task that there are in the list asked for, whichever of them are read."""
    found = {task.kind for task in tasks}
    for turn in asked.turns:
        found |= turns.kinds(mine=turn)
        found |= task_counts.kinds(session, turns.subject, turns.own, manages=turns.manages, mine=turn)
    return frozenset(found)


def waiting(session: Session, subject: Subject, on: date | None = None) -> TaskCounts:
    """How many tasks wait for the reader: what the badge of every page shows, counted by the database."""
    day = on or today()
    manages, own = _concerned(session, subject)
    if manages is None:
        return TaskCounts(inbox(session, subject, day).own_count)
    if not manages and not own:
        return TaskCounts()
    turns = agreement_tasks.Turns(session, subject, own, day, manages=manages)
    return turns.counts() + task_counts.counted(session, subject, own, day, manages=manages)


def pressing(session: Session, subject: Subject, most: int) -> Sequence[Task]:
    """The reader's own tasks, the most pressing ones of them."""
    return inbox(session, subject, asked=Asked(most, "own", counted=False, offered=False)).own[:most]


def _concerned(session: Session, subject: Subject) -> tuple[bool | None, str]:
    """Whether the reader acts for the hub (None: has nothing to do with agreements), and else the organization concerned."""
    if subject.kind == "anonymous":
        return False, ""
    manages = access.may(session, subject, "manage-agreement")
    if not manages and not subject.has(Role.PROVIDER):
        return None, ""
    return manages, "" if manages else subject.organization_id


def _turn(task: Task, subject: Subject, *, manages: bool) -> bool:
    """Whether it is this person's turn: their organization's, or the hub's where they act for it and nobody else is named."""
    if task.owner:
        return task.owner == subject.organization_id
    return manages and (not task.steward or subject.kind == "local" or task.steward == subject.person_id)


def _agreements(session: Session, numbers: Sequence[str], own: str, day: date) -> Iterator[Task]:
    """Deadlines of the register that are late or near."""
    words = {
        "request": ("：需求待本方继续办理", "the request waits for its own side"),
        "answer": ("须答复", "answer due"),
        "sign": ("须签订", "signature due"),
        "deliver": ("须交付数据", "data due"),
        "report": ("须收齐报送", "reports due"),
        "release": ("须发布新版本", "release due"),
        "renew": ("须决定续签", "renewal to decide"),
    }
    reminded = steps.reminded(session, numbers)
    for row in acquisitions.rows_of(session, numbers, day):
        if row.deadline is None:
            continue
        one, clock = row.agreement, row.deadline
        zh, en = words[clock.what]
        detail, detail_en = f"{row.provider.name}{zh}", f"{row.provider.name_en or row.provider.name}: {en}"
        if (told := reminded.get(one.id)) and clock.what not in HUB_ACTS:
            detail += f"（已催办 {told.times} 次，最近 {told.last}）"
            detail_en += f" (reminded {told.times} times, last on {told.last})"
        yield Task(
            clock.what, one.id, one.title, one.title_en or one.title, detail, detail_en, clock.start, clock.due, clock.left,
            owner="" if clock.what in HUB_ACTS and not own else one.provider_id, steward=one.steward_id or "",
        )  # fmt: skip


def _batches(
    session: Session, subject: Subject, own: str, day: date, asked: Asked, *, mine: bool, manages: bool
) -> Iterator[Task]:
    """Batches with rows that no correction has mended yet, returned whole, or held for an answer; of one turn, oldest first.

    A correction that was refused itself leaves the task with the batch that it was to mend.
    """
    statement = (
        select(Batch, Resource, Organization)
        .join(Resource, col(Resource.name) == Batch.dataset, isouter=True)
        .join(Organization, col(Organization.id) == Batch.organization_id, isouter=True)
        .where(*task_counts.batches_of(own))
        .options(defer(Batch.checks), defer(Batch.faults))  # type: ignore[arg-type]
    )
    turn = task_counts.batches_mine(subject, manages=manages)
    if not asked.any_of(*task_counts.KINDS):
        return
    if asked.kind:
        statement = statement.where(col(Batch.state).in_(task_counts.KINDS[asked.kind]))
    statement = statement.where(turn if mine else ~turn).order_by(col(Batch.sequence)).limit(asked.most)
    calendar, days = workdays.calendar(session), workdays.step_days(session, "mend-quarantine", day)
    for batch, resource, sender in session.exec(statement):
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


def _channels(session: Session, own: str, most: int = MOST) -> Iterator[Task]:
    """Channels that fail again and again."""
    for one in channels.failing(session, provider_id=own, most=most):
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
    statement = select(Batch, Resource).join(Resource, col(Resource.name) == Batch.dataset, isouter=True)
    statement = statement.where(*task_counts.undone_of(own, day))
    for batch, resource in session.exec(statement.order_by(col(Batch.sequence).desc()).limit(50)):
        on = day_of(batch.finished_at or batch.received_at)
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


def _drafts(session: Session, own: str, day: date, most: int, *, mine: bool, manages: bool) -> Iterator[Task]:
    """Entries that are not published yet: the authority reviews within two working days (catalogue-rules.md)."""
    turn = task_counts.drafts_mine(manages=manages)
    statement = select(Resource).where(*task_counts.drafts_of(own), turn if mine else ~turn)
    calendar, days = workdays.calendar(session), workdays.step_days(session, "review-entry", day)
    words = {"draft": ("目录待登记", "entry to be registered"), "registered": ("目录发布待审核", "entry to be reviewed")}
    for resource in session.exec(statement.order_by(col(Resource.created_at)).limit(most)):
        start = day_of(resource.created_at)
        due = calendar.add(start, days)
        zh, en = words[resource.state]
        title_en = resource.title_en or resource.title
        owner = own if resource.state == "draft" else ""  # registered: the authority reviews
        yield Task("draft", resource.name, resource.title, title_en, zh, en, start, due, calendar.left(due, day), owner)
