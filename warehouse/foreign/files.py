"""What the doors ask of a foreign file, each in a process of its own: its draft contract, its headers, its template's mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts.errors import HubError
from contracts.excel.marks import TemplateMark
from contracts.inference.evidence import Evidence, Said
from contracts.model import Contract
from contracts.odcs import loader
from contracts.pages import PageRead, PageRequest
from warehouse.foreign import door, limits
from warehouse.onboarding.draft import Progress, Request
from warehouse.settings import Settings

LINE_GROWTH = 8
"""Bytes of the lines for each of a page: quotes around numbers, escapes of half characters."""
WORKBOOK = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft contract, its report for people, and what was seen in the file."""

    contract: Contract
    report: str
    evidence: tuple[Evidence, ...]
    rows: tuple[tuple[str | None, ...], ...] = ()


def draft_contract(
    request: Request, settings: Settings, progress: Progress | None = None, *, words: Mapping[str, str] | None = None
) -> Draft:
    """`warehouse.onboarding.draft.draft_contract`, apart. Raises `Undecided` with every question that the file leaves open."""
    request = replace(request, path=request.path.resolve(), divisions=tuple(request.divisions))
    allowed = limits.of(settings, request.path)
    given = {"request": request, "words": dict(words or {})}
    drafted = door.run(settings, "draft", allowed, given, name=request.filename, progress=progress)
    evidence = tuple(Said(each["zh"], each["en"]) for each in drafted["evidence"])
    rows = tuple(tuple(row) for row in drafted["rows"])
    return Draft(loader.restore(drafted["text"]), drafted["report"], evidence, rows)


def columns_of(path: Path, reading: Mapping[str, Any], settings: Settings, *, name: str) -> tuple[str, ...]:
    """`warehouse.onboarding.draft.columns_of`, apart."""
    request = {"path": path.resolve(), "reading": dict(reading), "name": name}
    return tuple(door.run(settings, "columns", limits.of(settings, path), request, name=name)["columns"])


def identify(path: Path, settings: Settings) -> TemplateMark | None:
    """The mark of a workbook made from one of the hub's templates; None for any other file, and one that cannot be read."""
    with path.open("rb") as file:
        if not file.read(4).startswith(WORKBOOK):
            return None
    try:
        mark = door.run(settings, "identify", limits.of(settings, path), {"path": path.resolve()}, name=path.name)["mark"]
    except HubError:
        return None
    return None if mark is None else TemplateMark(**{**mark, "items": tuple(mark["items"])})


def annotate(path: Path, faults: Sequence[Any], target: Path, settings: Settings) -> int:
    """Write a returned workbook with a mark at every fault; how many cells were marked."""
    request = {"path": path.resolve(), "faults": list(faults), "target": target.resolve()}
    return int(door.run(settings, "annotate", limits.of(settings, path), request, name=path.name)["marked"])


def page(path: Path, page_request: PageRequest, target: Path, settings: Settings, *, name: str, seconds: float) -> PageRead:
    """The records of one page of an endpoint, written as lines to `target`, within `seconds`."""
    usual = limits.of(settings, path)
    output = min(usual.output, LINE_GROWTH * page_request.limit)
    allowed = replace(usual, seconds=max(1.0, min(usual.seconds, seconds)), output=output)
    request = {"path": path.resolve(), "asked": page_request, "target": target.resolve()}
    return PageRead(**door.run(settings, "page", allowed, request, name=name))
