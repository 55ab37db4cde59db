"""The acquisition register: each need from 需求 over 协议, 批次 and 发布 to 共享, with the deadline that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, tuple_
from sqlalchemy.orm import lazyload
from sqlmodel import Session, col, select

from catalog import workdays
from catalog.access.grants import Grant
from catalog.acquisition import agreements, periods, spending
from catalog.acquisition.agreements import Agreement, AgreementAgency
from catalog.acquisition.completeness import reporting
from catalog.acquisition.terms import CollectionTerms
from catalog.deliveries.batches import ACCEPTED, Batch, BatchState
from catalog.entries.resources import Resource
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from catalog.overview.standing import NEAR_DAYS, RENEW_DAYS
from catalog.releases.releases import Release
from catalog.workdays import Calendar, StepTime
from catalog.workflow import BEFORE_ANSWER
from contracts.clock import day_of, now
from contracts.clock import today as this_day

NEED_WORDS: Mapping[str, tuple[str, str]] = {
    "drafted": ("待负责人同意", "Awaiting consent"),
    "consented": ("待发出", "To be sent"),
    "needed": ("待答复", "Awaiting answer"),
    "incomplete": ("待补正", "To be completed"),
    "answered": ("答复待同意", "Answer awaits consent"),
    "disputed": ("争议中", "In dispute"),
}
"""States of a request that has no answer which counts."""
STAGES = ("need", "agreement", "batch", "release", "share")


@dataclass(frozen=True, slots=True)
class Line:
    """A short line of a stage, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the five stages of a row. `state`: done, current, late or todo."""

    name: str
    state: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """The deadline that runs now. `what`: request, answer, sign, deliver, report, release or renew."""

    what: str
    start: date
    due: date
    left: int
    """Working days left; negative when late."""
    estimated: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One need, with its five stages. `group`: late, near, other, or finished (refused or ended)."""

    agreement: Agreement
    resource: Resource | None
    provider: Organization
    steward: Person | None
    agencies: int
    stages: tuple[Stage, ...]
    current: str
    """Name of the stage that waits; "" when all five are done."""
    deadline: Deadline | None
    group: str


@dataclass(frozen=True, slots=True)
class Register:
    """The whole register, latest first within its groups, with what waits in each stage."""

    rows: tuple[Row, ...]
    waiting: Mapping[str, int]
    late: Mapping[str, int]
    shared: int
    routes: Mapping[str, int]
    estimated: bool

    def group(self, name: str) -> tuple[Row, ...]:
        """Rows of one group: late, near, other or finished."""
        return tuple(row for row in self.rows if row.group == name)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the stages are read from, gathered for all agreements in a handful of queries."""

    resources: Mapping[str, Resource]
    organizations: Mapping[str, Organization]
    people: Mapping[str, Person]
    agencies: Mapping[str, int]
    batches: Mapping[str, int]
    last_batch: Mapping[str, Batch]
    reported: Mapping[tuple[str, str], int]
    releases: Mapping[str, Release]
    in_use: Mapping[str, int]
    spent: Mapping[str, float]
    calendar: Calendar
    update_time: StepTime


def stages(session: Session, today: date | None = None, *, route: str = "") -> Register:
    """The register on a day: late needs first, then those due within five working days, then the others."""
    day = today or this_day()
    chosen = agreements.listed(session, route=route)
    facts = _facts(session, chosen, day)
    rows = [_row(one, facts, day) for one in chosen]
    order = {"late": 0, "near": 1, "other": 2, "finished": 3}
    rows.sort(key=lambda row: (order[row.group], row.deadline.left if row.deadline else 10_000, row.agreement.id))
    open_rows = [row for row in rows if row.group != "finished"]
    counts: dict[str, int] = {}
    for one in agreements.listed(session) if route else chosen:
        counts[one.route] = counts.get(one.route, 0) + 1
    return Register(
        rows=tuple(rows),
        waiting={name: sum(row.current == name for row in open_rows) for name in STAGES},
        late={name: sum(row.current == name and row.group == "late" for row in open_rows) for name in STAGES},
        shared=sum(row.stages[4].state == "done" for row in rows),
        routes=counts,
        estimated=facts.calendar.estimated(day),
    )


def stage_row(session: Session, agreement: Agreement, today: date | None = None) -> Row:
    """One agreement's row of the register."""
    day = today or this_day()
    return _row(agreement, _facts(session, [agreement], day), day)


def rows_of(session: Session, numbers: Sequence[str], today: date | None = None) -> list[Row]:
    """The rows of these agreements, in that order; as many statements for one as for a thousand."""
    statement = select(Agreement).where(col(Agreement.id).in_(numbers)).options(lazyload(Agreement.channels))  # type: ignore[arg-type]
    known = {one.id: one for one in session.exec(statement)}
    chosen = [known[number] for number in numbers if number in known]
    day = today or this_day()
    facts = _facts(session, chosen, day)
    return [_row(one, facts, day) for one in chosen]


def _facts(session: Session, chosen: Sequence[Agreement], day: date) -> Facts:
    """Everything that the rows of some agreements are read from."""
    ids = [one.id for one in chosen]
    mine = col(Batch.agreement_id).in_(ids)
    newest = select(func.max(Batch.sequence)).where(mine, col(Batch.state).in_(ACCEPTED))
    last = session.exec(select(Batch).where(col(Batch.sequence).in_(newest.group_by(Batch.agreement_id))))
    accepted = mine & col(Batch.state).in_(ACCEPTED)
    counted = select(Batch.agreement_id, func.count()).where(accepted).group_by(Batch.agreement_id)
    periods_now = {one.id: _period(one, day) for one in chosen if one.route == "collect"}
    collected = col(Batch.agreement_id).in_(periods_now) & col(Batch.period).in_(set(periods_now.values()))
    reported = select(Batch.agreement_id, Batch.period, func.count(func.distinct(Batch.organization_id)))
    reported = reported.where(collected, col(Batch.state).in_(ACCEPTED))
    fed = session.exec(select(Resource).where(col(Resource.name).in_({one.dataset for one in chosen}))).all()
    own = [one.id for one in fed]
    versions = select(Release.resource_id, func.max(Release.version)).where(col(Release.resource_id).in_(own))
    versions = versions.where(col(Release.recalled_at).is_(None)).group_by(Release.resource_id)
    latest = tuple_(col(Release.resource_id), col(Release.version)).in_(versions)
    agencies = select(AgreementAgency.agreement_id, func.count()).where(col(AgreementAgency.agreement_id).in_(ids))
    providers = {one.provider_id for one in chosen}
    stewards = {one.steward_id for one in chosen if one.steward_id}
    return Facts(
        resources={resource.name: resource for resource in fed},
        organizations=organizations.by_id(session, providers),
        people={one.id: one for one in session.exec(select(Person).where(col(Person.id).in_(stewards)))},
        agencies=dict(session.exec(agencies.group_by(AgreementAgency.agreement_id)).all()),
        batches={str(key): count for key, count in session.exec(counted)},
        last_batch={str(batch.agreement_id): batch for batch in last},
        reported={
            (str(key), period): count
            for key, period, count in session.exec(reported.group_by(col(Batch.agreement_id), col(Batch.period)))
        },
        releases={release.resource_id: release for release in session.exec(select(Release).where(latest))},
        in_use=_in_use(session, own),
        spent=spending.shares(session, chosen),
        calendar=workdays.calendar(session),
        update_time=workdays.step_time(session, "update-entry"),
    )


def _in_use(session: Session, resource_ids: Sequence[str]) -> dict[str, int]:
    """How many organizations hold a live grant on each resource."""
    live = col(Grant.revoked_at).is_(None) & (col(Grant.expires_at).is_(None) | (col(Grant.expires_at) > now()))
    statement = select(Grant.resource_id, func.count(func.distinct(Grant.organization_id))).where(live)
    statement = statement.where(col(Grant.resource_id).in_(resource_ids))
    return dict(session.exec(statement.group_by(Grant.resource_id)).all())


def _row(one: Agreement, facts: Facts, day: date) -> Row:
    resource = facts.resources.get(one.dataset)
    stages = _Stages(one, resource, facts, day)
    cells = stages.told()
    finished = one.state in ("refused", "ended")
    current = "" if finished else next((stage.name for stage in cells if stage.state in ("current", "late")), "")
    deadline = None if finished else stages.deadline(current)
    group = "finished" if finished else "other"
    if deadline is not None and not finished:
        group = "late" if deadline.left < 0 else "near" if deadline.left <= NEAR_DAYS else "other"
    steward = facts.people.get(one.steward_id or "")
    provider = facts.organizations[one.provider_id]
    return Row(one, resource, provider, steward, facts.agencies.get(one.id, 0), cells, current, deadline, group)


class _Stages:
    """The five stages of one agreement, read from the facts."""

    def __init__(self, one: Agreement, resource: Resource | None, facts: Facts, day: date) -> None:
        self.one, self.resource, self.facts, self.day = one, resource, facts, day
        self.last = facts.last_batch.get(one.id)
        self.release = facts.releases.get(resource.id) if resource else None
        self.period, self.report_due = "", None
        if one.route == "collect":
            agreed, self.period = reporting(one), _period(one, day)
            self.report_due = periods.due(facts.calendar, self.period, agreed.due_day, agreed.due_months)

    def told(self) -> tuple[Stage, ...]:
        """All five, in order."""
        return (self._need(), self._agreement(), self._batch(), self._released(), self._shared())

    def deadline(self, current: str) -> Deadline | None:
        """The deadline of the stage that waits, or of the next delivery or renewal once all are done."""
        one = self.one
        runs: Sequence[tuple[str, str, date | None, date | None]] = (
            ("need", "request", agreements.asked_on(one), one.request.turn_due if one.request is not None else None),
            ("need", "answer", agreements.asked_on(one), one.answer_due),
            ("agreement", "sign", one.answered_on or one.needed_on, one.signed_due),
            ("batch", "report", None, self._owed()),
            ("batch", "deliver", self._last_day() or one.signed_on, one.delivery_due),
            ("release", "release", self._last_day(), self._release_due()),
        )
        for stage, what, start, due in runs:
            if due is not None and stage == current:
                return self._clock(what, start or self.facts.calendar.add(due, -10), due)
        ahead = [
            self._clock(what, start or self.facts.calendar.add(due, -10), due)
            for stage, what, start, due in runs
            if stage == "batch" and due is not None and one.state in ("signed", "active")
        ]
        if one.valid_until is not None and (one.valid_until - self.day).days <= RENEW_DAYS:
            ahead.append(self._clock("renew", self.facts.calendar.add(one.valid_until, -RENEW_DAYS * 5 // 7), one.valid_until))
        return min(ahead, key=lambda clock: clock.due, default=None)

    def _owed(self) -> date | None:
        """By when the oldest report still owed was due, as the dataset's own page says; else that of the period of now."""
        known = self.resource.next_due if self.resource is not None and self.report_due is not None else None
        return min(known, self.report_due) if known is not None and self.report_due is not None else self.report_due

    def _clock(self, what: str, start: date, due: date) -> Deadline:
        calendar = self.facts.calendar
        return Deadline(what, start, due, calendar.left(due, self.day), calendar.estimated(start, due, self.day))

    def _need(self) -> Stage:
        one, need = self.one, _short(self.one.needed_on, self.day)
        if one.state in BEFORE_ANSWER and one.route == "request":
            late = one.answer_due is not None and self.day > one.answer_due
            first = Line(*NEED_WORDS[one.state])
            return Stage("need", "late" if late else "current", (first, Line(f"{need} 提出", f"asked {need}")))
        why = one.purchase.why_bought if one.purchase is not None else ""
        word = {
            "request": Line("未同意", "Refused") if one.state == "refused" else Line("同意", "Agreed"),
            "buy": Line(why or "无部门可提供", why or "No department has it"),
            "collect": Line("任务下达", "Task given"),
        }[one.route]
        return Stage("need", "done", (Line(need, need), word))

    def _agreement(self) -> Stage:
        one = self.one
        if one.state in (*BEFORE_ANSWER, "refused") and one.route == "request":
            return Stage("agreement", "todo")
        if one.signed_on is None and one.state not in ("signed", "active", "ended"):
            late = one.signed_due is not None and self.day > one.signed_due
            words = {"buy": Line("合同会签", "Contract in approval"), "collect": Line("模板试报", "Template on trial")}
            return Stage("agreement", "late" if late else "current", (words.get(one.route, Line("草案待签", "Draft to sign")),))
        second = Line("", "")
        if one.valid_until:
            second = Line(f"至 {one.valid_until:%Y-%m}", f"until {one.valid_until:%Y-%m}")
        if one.route == "collect" and (template := reporting(one).template_version):
            second = Line(f"模板 {template}", f"template {template}")
        if one.route == "buy" and one.id in self.facts.spent:
            share = f"{self.facts.spent[one.id]:.0%}"
            second = Line(f"费用已用 {share}", f"{share} spent")
        return Stage("agreement", "done", (Line(one.id, one.id), second))

    def _batch(self) -> Stage:
        one, count = self.one, self.facts.batches.get(self.one.id, 0)
        if one.state not in ("signed", "active", "ended"):
            return Stage("batch", "todo")
        if one.route == "collect":
            return self._collected()
        late = one.delivery_due is not None and self.day > one.delivery_due and one.state != "ended"
        if late:
            text = (
                Line(f"第 {count + 1} 批未到", f"Batch {count + 1} missing")
                if count
                else Line("首批未到", "First batch missing")
            )
            due = _short(one.delivery_due or self.day, self.day)
            return Stage("batch", "late", (text, Line(f"应于 {due} 交付", f"due {due}")))
        if not self.last:
            return Stage("batch", "current", (Line("待首批", "Awaiting first batch"),))
        share = f"{self.last.quarantined / self.last.received:.2%}" if self.last.received else "0%"
        second = Line(f"隔离 {share}", f"{share} quarantined") if self.last.quarantined else Line("无隔离", "none quarantined")
        return Stage("batch", "done", (Line(f"{count} 批", f"{count} batch" + ("es" if count != 1 else "")), second))

    def _collected(self) -> Stage:
        whole = self.facts.agencies.get(self.one.id, 0)
        came = self.facts.reported.get((self.one.id, self.period), 0)
        late = self.report_due is not None and self.day > self.report_due and came < whole
        state = "done" if whole and came >= whole else "late" if late else "current"
        return Stage("batch", state, (Line(f"已收 {came} / {whole}", f"{came} of {whole} in"), Line(self.period, self.period)))

    def _last_day(self) -> date | None:
        return day_of(self.last.received_at) if self.last else None

    def _release_due(self) -> date | None:
        """A batch is published in the working days that an update of the entry may take."""
        last = self._last_day()
        return self.facts.calendar.add(last, self.facts.update_time.days(last)) if last else None

    def _released(self) -> Stage:
        if self.last is None:
            return Stage("release", "todo")
        finished: datetime = self.last.finished_at or self.last.received_at
        if self.release is not None and (self.release.released_at >= finished or not _changed(self.last)):
            day = _short(day_of(self.release.released_at), self.day)
            return Stage("release", "done", (Line(f"v{self.release.version}", f"v{self.release.version}"), Line(day, day)))
        due = self._release_due()
        number = (self.resource.last_version if self.resource else 0) + 1
        late = due is not None and self.day > due
        return Stage("release", "late" if late else "current", (Line(f"v{number} 待发布", f"v{number} to release"),))

    def _shared(self) -> Stage:
        uses = self.facts.in_use.get(self.resource.id, 0) if self.resource else 0
        if uses and self.release is not None:
            return Stage("share", "done", (Line(f"{uses} 家在用", f"{uses} in use"),))
        return Stage("share", "todo")


def _changed(batch: Batch) -> bool:
    return bool(batch.inserted or batch.updated or batch.removed) and batch.state != BatchState.UNDONE


def _period(one: Agreement, day: date) -> str:
    """The period that the agencies of a collection report now."""
    agreed = reporting(one)
    return periods.named(agreed.period, _reporting_month(agreed, day))


def _reporting_month(agreed: CollectionTerms, day: date) -> date:
    """A day in the period that agencies report now: the last one whose reporting has begun."""
    months = periods.MONTHS[agreed.period]
    return day if agreed.due_months == 0 else workdays.add_months(day.replace(day=1), -max(months, agreed.due_months))


def _short(day: date, today: date) -> str:
    """This year's dates without the year (portal.md)."""
    return f"{day:%m-%d}" if day.year == today.year else f"{day:%Y-%m-%d}"


def in_use(session: Session, resource: Resource) -> int:
    """How many organizations hold a live grant on a resource."""
    return _in_use(session, [resource.id]).get(resource.id, 0)
