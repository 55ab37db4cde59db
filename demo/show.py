"""What the demo prints: a table that reconciles, seconds of each step, where to sign in, three lines to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.table import Table
from sqlmodel import Session, col, func, select

from catalog.deliveries.batches import Batch, BatchState
from catalog.entries.resources import Resource
from catalog.releases.releases import Release
from cli.terminal.language import language, said
from cli.terminal.screen import Screen
from demo.organizations import PEOPLE

COUNTED = (BatchState.LOADED, BatchState.PARTIAL, BatchState.CORRECTED)
MARKS = {"request": ("要", "R"), "buy": ("买", "B"), "collect": ("采", "C"), "derived": ("—", "—")}


@dataclass(frozen=True, slots=True)
class Line:
    """One dataset in the table. Deliveries that were refused, returned or undone are counted apart."""

    dataset: str
    title: str
    title_en: str
    route: str
    library: str
    batches: int
    received: int
    accepted: int
    quarantined: int
    kept_out: int
    rows: int
    versions: str

    @property
    def reconciles(self) -> bool:
        """received = accepted + quarantined."""
        return self.received == self.accepted + self.quarantined


def lines(session: Session) -> list[Line]:
    """A line for each dataset, resource library first."""
    resources = session.exec(select(Resource).order_by(col(Resource.library), col(Resource.name)))
    return [_line(session, resource) for resource in resources]


def _line(session: Session, resource: Resource) -> Line:
    statement = select(func.count(), func.sum(Batch.received), func.sum(Batch.accepted), func.sum(Batch.quarantined)).where(
        Batch.dataset == resource.name
    )
    batches, received, accepted, quarantined = session.exec(statement.where(col(Batch.state).in_(COUNTED))).one()
    out = session.exec(statement.where(col(Batch.state).not_in(COUNTED))).one()[0]
    released = session.exec(select(Release).where(Release.resource_id == resource.id).order_by(col(Release.version)))
    versions = " ".join(f"v{one.version}{said('召回', ' recalled') if one.recalled_at else ''}" for one in released)
    return Line(
        resource.name, resource.title, resource.title_en, resource.route, resource.library,
        batches, received or 0, accepted or 0, quarantined or 0, out, resource.rows, versions,
    )  # fmt: skip


def table(lines: Sequence[Line], console: Screen) -> None:
    """The table of datasets, with a line of sums that reconciles."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    widest = len(f"{sum(one.received for one in lines):,}")
    for heading, justify, least in _headings(widest):  # names and numbers are never cut, versions fold
        shown.add_column(heading, justify=justify, no_wrap=bool(least), min_width=least or None)
    for one in lines:
        mark = MARKS.get(one.route, ("", ""))[language() == "en"]
        title = one.title if language() == "zh" else one.dataset
        out = f"{one.kept_out}" if one.kept_out else ""
        if one.route == "derived":
            shown.add_row(mark, title, "", "", "", "", "", f"{one.rows:,}", one.versions)
        else:
            shown.add_row(
                mark, title, f"{one.batches:,}", f"{one.received:,}", f"{one.accepted:,}", f"{one.quarantined:,}", out,
                f"{one.rows:,}", one.versions,
            )  # fmt: skip
    shown.add_section()
    sums = [sum(getattr(one, name) for one in lines) for name in ("batches", "received", "accepted", "quarantined", "kept_out")]
    shown.add_row("", said("合计", "total"), *(f"{number:,}" for number in sums), "", "")
    console.print(shown)
    received, accepted, quarantined = sums[1:4]
    equal = "=" if received == accepted + quarantined else "≠"
    console.print(
        said(
            f"收到 {received:,} {equal} 接收 {accepted:,} + 隔离 {quarantined:,}",
            f"received {received:,} {equal} accepted {accepted:,} + quarantined {quarantined:,}",
        )
    )


def _headings(widest: int) -> list[tuple[str, Literal["left", "right"], int]]:
    """Headings, their side, and the least width of those columns that are never cut."""
    return [
        ("", "left", 0),
        (said("数据集", "dataset"), "left", 23),
        (said("批次", "batches"), "right", 4),
        (said("收到", "received"), "right", widest),
        (said("= 接收", "= accepted"), "right", widest),
        (said("+ 隔离", "+ quarant."), "right", widest),
        (said("未入", "out"), "right", 3),
        (said("现有行", "rows now"), "right", widest),
        (said("版本", "versions"), "left", 0),
    ]


def steps(seconds: Mapping[str, float], console: Screen) -> None:
    """Seconds of each step."""
    timings = "  ".join(f"{name} {took:.1f}" for name, took in seconds.items())
    console.print(said(f"各步用时（秒）：{timings}", f"Seconds: {timings}"), soft_wrap=True)


def next_steps(address: str, home: Path, password: str, console: Screen) -> None:
    """Address, sign-ins, and three lines that can be copied."""
    logins = ", ".join(PEOPLE)
    profile = home / "demo" / "partner-a.share"
    console.print()
    console.print(
        said(f"门户 {address}　登录名 {logins}　密码 {password}", f"Portal {address}   logins {logins}   password {password}")
    )
    console.print(said("试一试：", "Try:"))
    prefix = f"HUB_HOME={home} "
    for command in (
        f'{prefix}.venv/bin/hub search "危险源"',
        f'{prefix}.venv/bin/hub sql "SELECT level, count(*) AS n FROM resource.major_hazard GROUP BY level ORDER BY level"',  # noqa: S608
        f'make clients && .venv-clients/bin/python -c "import delta_sharing as d; '
        f"print(d.load_as_pandas('{profile}#hlj-market.resource.enterprise_registration', limit=5))\"",
    ):
        console.print(f"  {command}", soft_wrap=True)


def as_json(lines: Sequence[Line], seconds: Mapping[str, float]) -> str:
    """The same for programs."""
    datasets = [asdict(one) for one in lines]
    return json.dumps({"datasets": datasets, "seconds": dict(seconds)}, ensure_ascii=False, indent=1)
