"""帮助 › 组件与状态: every component with all its states, from samples that are plainly samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from api.portal.components.bars import BarPart, batch_parts
from api.portal.components.deadline import DeadlineClock, clock, done
from api.portal.wording.i18n import Language, say
from catalog.workdays import Calendar


@dataclass(frozen=True, slots=True)
class StageMark:
    """One stage of a row: done, current, late, waiting or planned; a first line and more below it."""

    state: str
    first: str = ""
    lines: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the lineage strip."""

    title: str
    note: str = ""
    link: str = ""
    current: bool = False


def clocks(language: Language) -> list[tuple[str, DeadlineClock, str]]:
    """A clock in each of its states: its name, the clock, the phrase after it. 2026-03-12 is the sample's today."""
    calendar = Calendar(years=frozenset({2026}))
    today = date(2026, 3, 12)

    def of(start: date, due: date) -> DeadlineClock:
        return clock(calendar, today, start, due)

    return [
        (say(language, "充足"), of(date(2026, 3, 11), date(2026, 3, 25)), ""),
        (say(language, "临近（≤ 3）"), of(date(2026, 3, 2), date(2026, 3, 16)), ""),
        (say(language, "今日"), of(date(2026, 2, 26), today), say(language, "17:30 止")),
        (say(language, "逾期"), of(date(2026, 2, 23), date(2026, 3, 9)), ""),
        (
            say(language, "已办结"),
            done(calendar, date(2026, 3, 3), date(2026, 3, 9)),
            say(language, "%(day)s 办结", day="03-09"),
        ),
        (say(language, "暂停"), DeadlineClock("paused", reason=say(language, "待补充材料，不计时")), ""),
        (say(language, "缺日历"), of(date(2026, 3, 11), date(2027, 1, 6)), ""),
    ]


def stages(language: Language) -> list[StageMark]:
    """A stage in each of its states."""
    return [
        StageMark("done", say(language, "已完成"), ("2026-03-02",)),
        StageMark("current", say(language, "进行中"), ("9 / 12",)),
        StageMark("late", say(language, "已逾期"), ("2026-03-10",)),
        StageMark("waiting"),
        StageMark("planned", say(language, "计划中"), ("v38",)),
    ]


def bar() -> tuple[BarPart, ...]:
    """The bar of a delivery of 1,284 rows."""
    return batch_parts(96, 268, 833, 87)


def lineage(language: Language) -> list[list[Box]]:
    """A strip with every kind of box."""
    library = {key: say(language, word) for key, word in (("resource", "资源库"), ("theme", "主题库"), ("topic", "专题库"))}
    return [
        [Box("collect.template", say(language, "逐级采集")), Box("division", library["resource"])],
        [Box("enterprise_registration", f"{library['resource']} · v37", current=True)],
        [Box("enterprise", library["theme"], "#lineage")],
        [Box("regional_overview", library["topic"])],
    ]
