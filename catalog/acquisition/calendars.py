"""The calendar in its operator's hands: a year's table from a file, one day set right, deadlines counted anew."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from catalog import festivals, workdays
from catalog.acquisition import agreements, deadlines
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import RequestTerms
from catalog.audit import chain as audit
from catalog.deliveries.batches import ACCEPTED, Batch
from catalog.entries.resources import Resource
from catalog.identity import people
from catalog.workdays import CalendarDay
from contracts.clock import day_of
from contracts.errors import HubError

PUBLISHED_MONTH = 10
"""From this month on the next year's table is looked for; the State Council publishes it in early November."""
LONGEST_LINE = 10_000
OFF = frozenset({"0", "false", "no", "off", "休", "休息", "放假", "假", "否", "holiday"})
WORKED = frozenset({"1", "true", "yes", "on", "work", "workday", "班", "上班", "补班", "调休上班", "是"})
NAMES = {
    "day": ("date", "day", "日期"),
    "working": ("working", "workday", "上班", "是否上班", "工作日"),
    "off": ("isoffday", "off", "放假", "是否放假", "休息"),
    "name": ("name", "holiday", "名称", "节日", "说明"),
}


class InvalidCalendar(HubError):
    """A calendar that cannot be taken as it is."""


@dataclass(frozen=True, slots=True)
class Year:
    """A year of the calendar. `official`: its table is in the catalogue; otherwise its working days are an estimate."""

    year: int
    official: bool
    days: tuple[CalendarDay, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A deadline that the change of the calendar moved. `estimated`: it still reaches into a year without a table."""

    object: str
    what: str
    before: date
    after: date
    estimated: bool = False


def of_year(session: Session, wanted: int) -> Year:
    """A year's days that differ from their weekday: by its official table, or as they are estimated until there is one."""
    existing = [one for one in years(session) if one.year == wanted]
    if existing:
        return existing[0]
    festival = festivals.named(wanted).items()
    return Year(wanted, False, tuple(CalendarDay(day=day, working=worked, name=name) for day, (worked, name) in festival))


def years(session: Session) -> list[Year]:
    """Every year of which the catalogue has a table, oldest first."""
    by_year: dict[int, list[CalendarDay]] = {}
    for one in session.exec(select(CalendarDay).order_by(col(CalendarDay.day))):
        by_year.setdefault(one.day.year, []).append(one)
    return [Year(year, True, tuple(days)) for year, days in sorted(by_year.items())]


def missing(session: Session, day: date) -> list[int]:
    """Years that deadlines are counted in now and that have no table: this one, and the next from 1 October on."""
    wanted = [day.year] + ([day.year + 1] if day.month >= PUBLISHED_MONTH else [])
    return [year for year in wanted if year not in workdays.calendar(session).years]


def read(content: bytes, filename: str) -> list[CalendarDay]:
    """A year's days from CSV (date, working, name) or JSON: a list of such objects, or `{"days": […]}`; `isOffDay` is known.

    Only days that differ from their weekday need to stand in it. Raises InvalidCalendar, naming the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    rows = _json(text) if text.lstrip()[:1] in "[{" and text.strip() else _csv(text)
    days: dict[date, CalendarDay] = {}
    for number, row in rows:
        one = _day(number, row)
        if one.day in days and days[one.day].working != one.working:
            raise InvalidCalendar(
                f"{filename} 第 {number} 条：{one.day} 前后矛盾；请只保留一条。",
                f"{filename}, entry {number}: {one.day} is told twice, otherwise; keep one.",
            )
        days[one.day] = one
    if len({day.year for day in days}) != 1:
        raise InvalidCalendar(
            f"{filename} 应恰为一个年份的日历，现有年份：{'、'.join(sorted({str(day.year) for day in days})) or '无'}。",
            f"{filename} must hold one year; it holds {', '.join(sorted({str(day.year) for day in days})) or 'none'}.",
        )
    return [days[day] for day in sorted(days)]


def _json(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidCalendar(f"日历不是合法的 JSON：{error}", f"The calendar is no JSON: {error}") from None
    listed = payload.get("days") if isinstance(payload, dict) else payload
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise InvalidCalendar(
            '日历 JSON 应为 [{"date", "working", "name"}] 或 {"days": […]}。',
            'The calendar must be [{"date", "working", "name"}] or {"days": […]}.',
        )
    yield from enumerate(listed, start=1)


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise InvalidCalendar(
            f"日历不是合法的 CSV：有超过 {LONGEST_LINE:,} 个字符的行。",
            f"The calendar is no CSV: it has a line of more than {LONGEST_LINE:,} characters.",
        )
    try:
        yield from enumerate(csv.DictReader(io.StringIO(text, newline="")), start=1)
    except csv.Error as error:
        raise InvalidCalendar(f"日历不是合法的 CSV：{error}", f"The calendar is no CSV: {error}") from None


def _day(number: int, row: Mapping[str, Any]) -> CalendarDay:
    named = {str(key or "").strip().lower(): value for key, value in row.items()}
    columns = {what: next((named[one] for one in names if one in named), None) for what, names in NAMES.items()}
    try:
        day = date.fromisoformat(str(columns["day"] or "").strip().replace("/", "-"))
    except ValueError:
        raise InvalidCalendar(
            f"第 {number} 条的日期 {str(columns['day'])[:40]!r} 不可读；应如 2027-01-01，列名 date、working、name。",
            f"Entry {number}: {str(columns['day'])[:40]!r} is no date; write 2027-01-01, in columns date, working, name.",
        ) from None
    working = _flag(columns["working"]) if columns["off"] is None else _not(_flag(columns["off"]))
    if working is None:
        raise InvalidCalendar(
            f"第 {number} 条（{day}）没有说明是否上班；working 应为 yes 或 no（班、休）。",
            f"Entry {number} ({day}) does not say whether it is worked; working is yes or no.",
        )
    return CalendarDay(day=day, working=working, name=str(columns["name"] or "").strip()[:60])


def _flag(value: Any) -> bool | None:
    word = str(value).strip().lower()
    return True if word in WORKED else False if word in OFF else None


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def import_year(session: Session, days: Iterable[CalendarDay]) -> list[Moved]:
    """Put a year's table in the place of the one held, and count deadlines anew."""
    table = list(days)
    year = table[0].day.year
    before = _given(session)
    span = (date(year, 1, 1), date(year, 12, 31))
    session.connection().execute(delete(CalendarDay).where(col(CalendarDay.day).between(*span)))
    session.expire_all()
    session.add_all(CalendarDay(**one.model_dump()) for one in table)
    session.flush()
    return _recount(session, before)


def set_day(session: Session, day: date, working: bool, name: str) -> list[Moved]:
    """Set one day right, and count deadlines anew.

    A year without a table is not made official by a single day: the whole year is imported first.
    """
    if day.year not in workdays.calendar(session).years:
        raise InvalidCalendar(
            f"{day.year} 年尚无节假日表；请先用 hub calendar import 导入全年。",
            f"There is no table for {day.year}; import the whole year first: hub calendar import.",
        )
    before = _given(session)
    workdays.set_day(session, day, working, name)
    return _recount(session, before)


def detail(moved: Sequence[Moved]) -> dict[str, Any]:
    """What the record of a change says of the deadlines that it moved."""
    listed = [f"{one.object} {one.what}: {one.before} → {one.after}" for one in moved]
    return {"deadlines_moved": len(moved), "deadlines": listed[:200]}


def bring_up(session: Session) -> list[Moved]:
    """Write the tables that came with the hub and that the catalogue lacks, and count the deadlines of their years anew."""
    before = _given(session)
    added = workdays.seed(session)
    if not added:
        return []
    moved = _recount(session, before)
    if moved:
        audit.record(
            session,
            actor=people.system_subject("init").actor,
            action="calendar.import",
            object=f"calendar:{', '.join(map(str, added))}",
            detail={"source": "chinesecalendar"} | detail(moved),
        )
    return moved


def _recount(session: Session, before: Mapping[tuple[str, str], Set[date]]) -> list[Moved]:
    """Move every open deadline that the calendar of before had given; one that a person gave otherwise stays."""
    session.info.pop("calendar", None)
    after, moved = _counted(session), []
    for (key, field), given in before.items():
        holder, new = _holder(session, key, field), after.get((key, field))
        if holder is None or new is None:
            continue
        old: date | None = getattr(holder, field)
        if old is None or old not in given or new == old:
            continue
        setattr(holder, field, new)
        session.add(holder)
        moved.append(Moved(f"agreement:{key}", field, old, new, workdays.calendar(session).estimated(new)))
    session.flush()
    return [*moved, *_datasets(session)]


def _holder(session: Session, agreement_id: str, field: str) -> Agreement | RequestTerms | None:
    """What has the deadline: a request's terms its answer's, the agreement the others."""
    return session.get(RequestTerms, agreement_id) if field == "answer_due" else session.get(Agreement, agreement_id)


def _datasets(session: Session) -> list[Moved]:
    """Deadlines of datasets, which follow from their agreements."""
    moved = []
    for resource in session.exec(select(Resource).where(col(Resource.next_due).is_not(None))).all():
        old, new = resource.next_due, deadlines.next_due(session, resource)
        if old is not None and new is not None and new != old:
            resource.next_due = new
            session.add(resource)
            moved.append(Moved(f"resource:{resource.name}", "next_due", old, new, workdays.calendar(session).estimated(new)))
    session.flush()
    return moved


def _given(session: Session) -> dict[tuple[str, str], Set[date]]:
    """Every open deadline as the calendar may have given it: by the estimate of now, or Monday to Friday as before."""
    days_known = workdays.calendar(session)
    deadlines: dict[tuple[str, str], set[date]] = {}
    for calendar in (replace(days_known, plain=True), days_known):
        session.info["calendar"] = calendar
        for key, day in _counted(session).items():
            deadlines.setdefault(key, set()).add(day)
    return dict(deadlines)


def _counted(session: Session) -> dict[tuple[str, str], date]:
    """Every open deadline of an agreement as the calendar of now gives it: (agreement, field) → day."""
    last = _last_days(session, col(Batch.agreement_id))
    counted: dict[tuple[str, str], date] = {}
    for one in agreements.listed(session):
        field, day = _of_agreement(session, one, last.get(one.id))
        if day is not None:
            counted[one.id, field] = day
    return counted


def _of_agreement(session: Session, one: Agreement, last: date | None) -> tuple[str, date | None]:
    """The deadline that runs for an agreement in its state."""
    if one.state in ("needed", "answered") and one.route == "request":
        return "answer_due", agreements.answer_due(session, one)
    if one.state == "accepted" and one.answered_on is not None:
        return "signed_due", workdays.due(session, "sign", one.answered_on)
    if one.state in ("signed", "active") and one.route != "collect":
        if last is not None:
            return "delivery_due", agreements.next_delivery(session, one, last)
        return "delivery_due", agreements.first_delivery(session, one) if one.signed_on else None
    return "", None


def _last_days(session: Session, key: Any) -> dict[str, date]:
    """The day of the last accepted batch, by agreement or dataset."""
    newest = select(func.max(Batch.sequence)).where(key.is_not(None), col(Batch.state).in_(ACCEPTED)).group_by(key)
    rows = session.exec(select(key, Batch.received_at).where(col(Batch.sequence).in_(newest)))
    return {str(name): day_of(moment) for name, moment in rows}
