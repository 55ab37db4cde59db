"""The hub's one clock: this moment, and this day in the hub's zone. Nothing else asks the machine what day it is.

Deadlines, batch numbers and publication dates belong to a day, and a day begins where the hub's people are (HUB_TIMEZONE, China
by default), whatever the server's own zone. The clock can be moved (HUB_CLOCK: seconds it is ahead of the machine's), so that
tests and the demo play on any day, in processes that they start as well; in a real hub `hub doctor` calls that a fault.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CHINA = "Asia/Shanghai"


def machine() -> datetime:
    """The machine's own moment: only to compare with what the machine stamped (files, lake snapshots, Dagster's runs)."""
    return datetime.now(UTC)


def ahead() -> timedelta:
    """How far the hub's clock is ahead of the machine's; nothing but in tests and demos."""
    return timedelta(seconds=float(os.environ.get("HUB_CLOCK") or 0))


def now() -> datetime:
    """This moment, as UTC with its zone."""
    return machine() + ahead()


def zone() -> ZoneInfo:
    """The zone in which days begin for the hub's people."""
    return ZoneInfo(os.environ.get("HUB_TIMEZONE") or CHINA)


def local(moment: datetime) -> datetime:
    """A moment as the hub's people read it off their clock."""
    return moment.astimezone(zone())


def day_of(moment: datetime) -> date:
    """The day on which a moment falls for the hub's people."""
    return local(moment).date()


def today() -> date:
    """This day for the hub's people, whatever the server's own zone."""
    return day_of(now())


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """The hub's clock moved on (or back) meanwhile, for this process and those it starts."""
    before = os.environ.get("HUB_CLOCK")
    os.environ["HUB_CLOCK"] = str((ahead() + by).total_seconds())
    try:
        yield
    finally:
        if before is None:
            del os.environ["HUB_CLOCK"]
        else:
            os.environ["HUB_CLOCK"] = before


@contextmanager
def moved_to(moment: datetime) -> Iterator[None]:
    """The hub's clock set to a moment meanwhile; it goes on from there."""
    with moved(moment - now()):
        yield
