"""`hub calendar`: which days are worked, by year; a year's official table from a file, one day set right."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from catalog import workdays
from catalog.acquisition import calendars
from catalog.acquisition.calendars import InvalidCalendar, Year
from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import table
from contracts.clock import today
from hub import acts
from hub import calendar as setting
from hub.calendar import CalendarChange, SetDay, SetRule, import_of, import_year, rule_of
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Which days are worked: holidays and make-up days, by year.")
Key = Annotated[str, typer.Option("--as", metavar="KEY", help="Act with the rights of this key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_days(
    year: Annotated[int | None, typer.Argument(help="Only this year, day by day.", min=1950, max=2099)] = None,
    as_json: AsJson = False,
) -> None:
    """Years with an official table, and those that are missing; of one year, every day that differs from its weekday."""
    with database.session(Settings().catalog_database) as session:
        years = calendars.years(session)
        wanted = calendars.missing(session, today())
        chosen = calendars.of_year(session, year) if year else None
    if chosen is not None:
        _show(chosen, as_json)
    elif as_json:
        typer.echo(json.dumps({"years": [one.year for one in years], "missing": wanted}, ensure_ascii=False))
    else:
        for each in years:
            off = sum(not one.working for one in each.days)
            typer.echo(
                said(
                    f"{each.year} 年：休 {off} 天，补班 {len(each.days) - off} 天",
                    f"{each.year}: {off} days off, {len(each.days) - off} make-up days",
                )
            )
        for one_year in wanted:
            typer.echo(said(f"{one_year} 年：缺，工作日为估算", f"{one_year}: missing, working days are an estimate"))


def _show(year: Year, as_json: bool) -> None:
    """A year day by day; one without a table by the law's festivals, which is said first."""
    if as_json:
        listed = [{"date": f"{one.day}", "working": one.working, "name": one.name} for one in year.days]
        typer.echo(json.dumps({"year": year.year, "official": year.official, "days": listed}, ensure_ascii=False))
        return
    if not year.official:
        zh = f"{year.year} 年节假日表未导入，以下按法定节日估算，不含调休"
        typer.echo(said(zh, f"no table for {year.year}: estimated by the statutory festivals, without make-up days"))
    for one in year.days:
        typer.echo(f"{one.day} {said('班' if one.working else '休', 'worked' if one.working else 'off')} {one.name}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV (date,working,name) or JSON of one year.")],
    key: Key = "",
) -> None:
    """Put a year's official table in the place of the one held; deadlines given before are counted anew, on record.

    **Example:** `hub calendar import 2027.csv`
    """
    hub, who = acting(key)
    request = import_of(calendars.read(file.read_bytes(), file.name), file.name)
    change = import_year(hub, who, request)
    typer.echo(said(f"已导入 {change.year} 年 {change.days} 天", f"{change.days} days of {change.year} imported"))
    _tell(change)


@app.command("set")
def set_one(
    day: Annotated[str, typer.Argument(help="The day, YYYY-MM-DD.")],
    worked: Annotated[bool, typer.Option("--worked/--off", help="Whether it is worked.")],
    name: Annotated[str, typer.Option(help="Why, e.g. the festival.")] = "",
    key: Key = "",
) -> None:
    """Set one day right; deadlines given before are counted anew, on record.

    **Example:** `hub calendar set 2026-10-10 --worked --name 国庆补班`
    """
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise InvalidCalendar(
            f"日期 {day!r} 无效；应如 2026-10-10。", f"The day {day!r} is not one; write 2026-10-10."
        ) from None
    change = setting.set_day(*acting(key), acts.given(SetDay, day=wanted, working=worked, name=name))
    typer.echo(said(f"{wanted} {'上班' if worked else '休息'}", f"{wanted} is {'worked' if worked else 'off'}"))
    _tell(change)


@app.command()
def rules(as_json: AsJson = False) -> None:
    """How many working days each step may take, the newest rule of a step first."""
    with database.session(Settings().catalog_database) as session:
        listed = [rule_of(rule) for rule in workdays.rules(session)]
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in listed], ensure_ascii=False))
        return
    columns = (("步骤", "Step"), ("工作日", "Working days"), ("自", "From"), ("依据", "Basis"))
    table(("办理时限", "How long steps may take"), columns, [[r.step, r.days, r.valid_from, r.basis] for r in listed])


@app.command()
def rule(
    step: Annotated[str, typer.Argument(help="The step, from `hub calendar rules`.")],
    days: Annotated[int, typer.Option(min=1, help="Working days.")],
    basis: Annotated[str, typer.Option(help="What says so: the regulation and its article.")],
    since: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD; empty: today.")] = "",
    key: Key = "",
) -> None:
    """Say how many working days a step may take from a day on; deadlines already given stay."""
    request = acts.given(SetRule, step=step, days=days, valid_from=since or None, basis=basis)
    changed = setting.set_rule(*acting(key), request)
    typer.echo(
        said(
            f"{changed.step}：自 {changed.valid_from} 起 {changed.days} 个工作日",
            f"{changed.step}: {changed.days} working days from {changed.valid_from} on",
        )
    )


def _tell(change: CalendarChange) -> None:
    for one in change.moved:
        estimated = said("（估算）", " (estimated)") if one.estimated else ""
        typer.echo(f"  {one.object} {one.what}: {one.before} → {one.after}{estimated}")
    typer.echo(said(f"重新计算，{len(change.moved)} 个时限有变", f"{len(change.moved)} deadlines moved"))
