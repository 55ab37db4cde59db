"""Sums of a completeness board: by longer periods, and by city where counties report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from catalog.acquisition import periods
from catalog.acquisition.completeness import Board, BoardRow, Cell, made, row_of
from catalog.identity.organizations import Organization

WORST_FIRST = ("missing", "returned", "not-due", "late", "on-time", "nil")
"""Which state a sum of cells has: the first of these that one of them has."""


def over(shown: Board, kind: str) -> Board:
    """The same board by quarter or year. A longer period is as bad as the worst of its periods that are due; one of which none
    is due yet is not due itself."""
    rows = []
    for row in shown.rows:
        grouped: dict[str, list[Cell]] = {}
        for cell in row.cells:
            grouped.setdefault(periods.named(kind, periods.first_day(cell.period)), []).append(cell)
        cells = tuple(_together(cells, row.organization.id, period) for period, cells in grouped.items())
        rows.append(row_of(row.organization, cells))
    return made(shown.agreement, rows, estimated=shown.estimated)


def by_city(session: Session, shown: Board) -> Board:
    """The same board with counties summed up below their city; a city that reports itself stays a row of its own."""
    grouped: dict[str, list[BoardRow]] = {}
    cities: dict[str, Organization] = {}
    for row in shown.rows:
        city = _city(session, row.organization)
        cities[city.id] = city
        grouped.setdefault(city.id, []).append(row)
    rows = []
    for name, members in grouped.items():
        if [row.organization.id for row in members] == [name]:
            rows.append(members[0])
            continue
        cells = tuple(_together(cells, name, cells[0].period) for cells in zip(*(row.cells for row in members), strict=True))
        rows.append(replace(row_of(cities[name], cells), members=tuple(members)))
    return made(shown.agreement, rows, estimated=shown.estimated)


def has_counties(session: Session, shown: Board) -> bool:
    """Whether some of the agencies report through a city, so that the board can be summed up."""
    return any(_city(session, row.organization).id != row.organization.id for row in shown.rows)


def _city(session: Session, organization: Organization) -> Organization:
    """The city above an agency; itself where there is none."""
    above: Organization | None = organization
    while above is not None and above.level != "city":
        above = session.get(Organization, above.parent_id) if above.parent_id else None
    return above or organization


def _together(cells: Sequence[Cell], organization_id: str, period: str) -> Cell:
    """Several cells as one: as bad as the worst that is due, complete only when all of those are, with the rows of all."""
    counted = [cell for cell in cells if cell.is_due] or cells
    worst = min(counted, key=lambda cell: (WORST_FIRST.index(cell.state), -cell.days_late))
    came = [cell.received_on for cell in cells if cell.received_on]
    return replace(
        worst,
        period=period,
        organization_id=organization_id,
        due=max(cell.due for cell in counted),
        on_time=all(cell.on_time for cell in counted),
        accepted=sum(cell.accepted for cell in cells),
        quarantined=sum(cell.quarantined for cell in cells),
        received_on=max(came) if came else None,
        batches=tuple(batch for cell in cells for batch in cell.batches),
        parts=tuple(cells),
    )
