"""What waits for a person: answers and signatures due, quarantined batches, drafts, late data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from catalog import acquisitions, channels, workdays
from catalog.batches import Batch, BatchState
from catalog.organizations import Organization
from catalog.people import Role, Subject
from catalog.resources import Resource
from contracts.clock import day_of, today

EVERYTHING = (Role.STEWARD, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits. `kind`: answer, sign, deliver, report, release, renew, quarantine, returned, draft or channel."""

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
        *_drafts(session, own, day),
        *_channels(session, own),
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
    """Batches with quarantined rows, or returned whole, that nothing has corrected yet."""
    mended = select(Batch.corrects).where(col(Batch.corrects).is_not(None), Batch.state != BatchState.UNDONE)
    asked = (
        select(Batch, Resource, Organization)
        .join(Resource, col(Resource.name) == Batch.dataset, isouter=True)
        .join(Organization, col(Organization.id) == Batch.organization_id, isouter=True)
        .where(col(Batch.state).in_((BatchState.PARTIAL, BatchState.RETURNED, BatchState.REFUSED)))
        .where(col(Batch.id).not_in(mended))
    )
    if own:
        asked = asked.where(Batch.organization_id == own)
    calendar, days = workdays.calendar(session), workdays.step_days(session, "mend-quarantine", day)
    for batch, resource, sender in session.exec(asked.order_by(col(Batch.sequence).desc()).limit(200)):
        start = day_of(batch.received_at)
        due = calendar.add(start, days)
        partial = batch.state == BatchState.PARTIAL
        title, name = resource.title if resource else batch.dataset, sender.name if sender else ""
        name_en = (sender.name_en if sender else "") or name
        yield Task(
            kind="quarantine" if partial else "returned",
            key=batch.id,
            title=title,
            title_en=(resource.title_en if resource else "") or title,
            detail=f"{name}批次 {batch.id[4:]}：{f'{batch.quarantined:,} 行隔离' if partial else '整批退回'}",
            detail_en=f"{name_en} batch {batch.id[4:]}: "
            + (f"{batch.quarantined:,} rows quarantined" if partial else "returned whole"),
            start=start,
            due=due,
            left=calendar.left(due, day),
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
