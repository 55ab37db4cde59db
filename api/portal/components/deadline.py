"""Clocks: a deadline in working days, in words first and then as ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from catalog.workdays import Calendar

MOST_TICKS = 10
SOON = 3


@dataclass(frozen=True, slots=True)
class DeadlineClock:
    """What a clock shows. `kind`: plenty, soon, today, late, done or paused; `days` left, late or used (soon with 0: due on
    a day off, before the next working day)."""

    kind: str
    days: int = 0
    due: date | None = None
    ticks: tuple[str, ...] = ()
    """One class a tick: "gone", "" (left) or "over" (late)."""
    estimated: tuple[int, ...] = ()
    """Years whose holiday table is missing, so that the count is an estimate."""
    reason: str = ""

    @property
    def tone(self) -> str:
        """late, soon or nothing: how strongly it is marked."""
        return {"late": "late", "today": "soon", "soon": "soon"}.get(self.kind, "")


def clock(calendar: Calendar, today: date, start: date, due: date) -> DeadlineClock:
    """The clock of a deadline that runs: started on a day, due on another."""
    left = calendar.left(due, today)
    kind = "late" if left < 0 else "today" if due == today else "soon" if left <= SOON else "plenty"
    total = max(calendar.between(start, due), 1)
    years = tuple(y for y in range(min(today, due).year, max(today, due).year + 1) if y not in calendar.years)
    return DeadlineClock(kind, abs(left), due, ticks(total, left), years)


def done(calendar: Calendar, start: date, ended: date) -> DeadlineClock:
    """The clock of a step that was done: how many working days it took."""
    return DeadlineClock("done", max(calendar.between(start, ended), 0), ended)


def ticks(total: int, left: int) -> tuple[str, ...]:
    """One tick a working day, gone, left and late; over ten days in proportion."""
    if left < 0:
        over = -left
        whole = min(total, MOST_TICKS)
        late = min(over, MOST_TICKS) if total <= MOST_TICKS else max(1, min(MOST_TICKS, round(over * MOST_TICKS / total)))
        return ("gone",) * whole + ("over",) * late
    whole = min(total, MOST_TICKS)
    gone = total - min(left, total)
    filled = gone if total <= MOST_TICKS else round(gone * MOST_TICKS / total)
    if total > MOST_TICKS and left > 0:
        filled = min(filled, whole - 1)
    return ("gone",) * filled + ("",) * (whole - filled)
