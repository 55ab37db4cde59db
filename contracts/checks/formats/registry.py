"""Every domain format: the hub's own, those of packs, and those that a plug-in brings under the entry point `hui.formats`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from contracts.checks.formats.coordinate import Latitude, Longitude
from contracts.checks.formats.credit_code import CreditCode
from contracts.checks.formats.division import Division
from contracts.checks.formats.identity_number import IdentityNumber
from contracts.checks.formats.mobile import Mobile
from contracts.errors import HubError
from contracts.model import Format

GROUP = "hui.formats"
"""`[project.entry-points."hui.formats"]` of a plug-in: the format's name, and its class."""
IDENTITY_NUMBER, CREDIT_CODE, MOBILE = IdentityNumber(), CreditCode(), Mobile()
DIVISION, LONGITUDE, LATITUDE = Division(), Longitude(), Latitude()
OWN: Mapping[str, Format] = {one.name: one for one in (CREDIT_CODE, IDENTITY_NUMBER, DIVISION, MOBILE, LONGITUDE, LATITUDE)}
_declared: Mapping[str, Format] = {}


class UnknownFormat(HubError, KeyError):
    """A contract names a format that neither a pack nor a plug-in brings."""

    def __init__(self, name: str) -> None:
        HubError.__init__(
            self,
            f"没有领域格式「{name}」；请安装带来它的包或插件。",
            f"There is no domain format {name!r}; install the pack or the plug-in that brings it.",
        )


class BrokenFormat(HubError):
    """A plug-in's format cannot be loaded."""

    def __init__(self, name: str, why: object) -> None:
        super().__init__(
            f"插件格式「{name}」无法加载：{why}。请更正或卸载该插件。",
            f"The plug-in's format {name!r} cannot be loaded: {why}. Correct or uninstall the plug-in.",
        )


def formats() -> dict[str, Format]:
    """Every format by its name; the hub's own cannot be taken by a pack or a plug-in."""
    return {**OWN, **{name: one for name, one in {**_plugged(), **_declared}.items() if name not in OWN}}


def of(name: str) -> Format:
    """The format of a name. Errors: UnknownFormat."""
    known = formats()
    if name not in known:
        raise UnknownFormat(name)
    return known[name]


def recognized() -> list[Format]:
    """Formats that a column is drafted as, in the order in which they are tried."""
    first = (IDENTITY_NUMBER, CREDIT_CODE, MOBILE)
    return [*first, *(one for name, one in formats().items() if one.recognition and name not in OWN)]


def brought() -> tuple[Format, ...]:
    """Those that packs bring, for a process that has no catalogue."""
    return tuple(_declared.values())


def declare(brought: Iterable[Format]) -> None:
    """The formats that packs bring, in place of those of before."""
    global _declared
    _declared = {one.name: one for one in brought}


@contextmanager
def known_too(brought: Iterable[Format]) -> Iterator[None]:
    """Formats that are known as long as the context lasts: those of a pack that is only looked at."""
    before = _declared
    declare((*before.values(), *brought))
    try:
        yield
    finally:
        declare(before.values())


def forget() -> None:
    """Look again for plug-ins at the next question: one was installed meanwhile."""
    _plugged.cache_clear()


@cache
def _plugged() -> dict[str, Format]:
    return {point.name: _loaded(point.name, point.load) for point in entry_points(group=GROUP) if point.name not in OWN}


def _loaded(name: str, load: Any) -> Format:
    try:
        one = load()()
    except Exception as error:  # whatever a plug-in's module does when it is imported
        raise BrokenFormat(name, f"{type(error).__name__}: {error}") from error
    if not (isinstance(one, Format) and one.name == name):
        raise BrokenFormat(name, f"it is no Format of the name {name!r}")
    return one
