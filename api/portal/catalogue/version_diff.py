"""版本差异: two versions of a resource, compared in what the reader may see of both; decided and on record like any read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from api.portal.catalogue.preview import PreviewColumn, column_of, text
from api.portal.shell.page import Page
from catalog import access
from catalog.audit import chain as audit
from catalog.entries.resources import Resource
from catalog.releases import releases
from catalog.releases.releases import Release
from contracts.model import Contract
from contracts.view import View
from warehouse.serving import diff as release
from warehouse.serving.diff import Difference
from warehouse.serving.view_sql import ItemMissing

EXAMPLES = 50
ACTION = "preview"
"""A difference shows rows, as a preview does: the same right, the same masks."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One row that differs: added, changed or removed; its cells as (text, before), before None where it did not change."""

    kind: str
    cells: Sequence[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """Two versions and what differs between them."""

    before: Release
    after: Release
    schema: Sequence[tuple[str, str, str]]
    """Items that came, went or changed their type: name, type before, type after; empty where it was not there."""
    difference: Difference | None = None
    """None where the reader does not see the key, or a version lacks it, so that rows cannot be told apart."""
    columns: Sequence[PreviewColumn] = ()
    rows: Sequence[ChangedRow] = ()
    row_filter: str = ""
    masked: bool = False

    @property
    def total(self) -> int:
        """How many rows differ."""
        difference = self.difference
        return difference.added + difference.changed + difference.removed if difference else 0


def choices(session: Session, resource: Resource) -> list[Release]:
    """The versions in force, newest first: recalled ones are read by nobody."""
    return [one for one in releases.listed(session, resource) if one.recalled_at is None]


def compare(session: Session, page: Page, resource: Resource, contract: Contract, first: int, second: int) -> VersionDiff:
    """The difference from the older version to the newer one, on record; Refused where the reader may not preview."""
    before, after = sorted(_asked(session, page, resource, contract, (first, second)), key=lambda one: one.version)
    decision = access.require(session, page.subject, ACTION, resource, contract=contract)
    view = decision.view
    assert view is not None  # noqa: S101 - a use of data allowed without a view does not exist
    schema = _schema(before.columns, after.columns)
    masked = bool(view.masks)
    made = VersionDiff(before, after, schema, row_filter=view.row_filter, masked=masked)
    compared = _compared(page, view, contract, made) if contract.key and _sees_key(view, contract.key) else None
    if compared is not None:
        compared = _differing_first(compared, contract.key)
        items = {item.name: item for item in contract.items}
        columns = [column_of(page, items[name], decision) for name in compared.items]
        made = VersionDiff(
            before, after, schema, compared.difference, columns, _rows(compared, columns), view.row_filter, masked
        )
    audit.record(
        session,
        actor=page.subject.actor,
        organization_id=page.subject.organization_id,
        action="compare-versions",
        object=f"resource:{resource.name}",
        purpose=decision.purpose,
        outcome="allowed",
        policies=decision.policies,
        detail={"versions": [before.version, after.version], "rows": len(made.rows), "items": list(view.items)},
    )
    return made


def _compared(page: Page, view: View, contract: Contract, ends: VersionDiff) -> release.Compared | None:
    """The rows that differ; None where one version lacks the key, or what the view needs."""
    snapshots = ends.before.snapshot, ends.after.snapshot
    try:
        return release.compare(page.settings, view, contract.key, *snapshots, examples=EXAMPLES)
    except ItemMissing:
        return None


def _asked(session: Session, page: Page, resource: Resource, contract: Contract, versions: Sequence[int]) -> Sequence[Release]:
    """The releases of those numbers; refused before anything is said about them, and a recalled one by its policy."""
    access.require(session, page.subject, ACTION, resource, contract=contract)
    found = [releases.get(session, resource, version, recalled=True) for version in versions]
    if any(one.recalled_at is not None for one in found):
        access.require(session, page.subject, ACTION, resource, contract=contract, recalled=True)
    return found


def _sees_key(view: View, key: Sequence[str]) -> bool:
    return all(name in view.items and name not in view.masks for name in key)


def _schema(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    old, new = ({one["name"]: one["type"] for one in columns} for columns in (before, after))
    names = dict.fromkeys([*new, *old])
    return [(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


def _differing_first(compared: release.Compared, key: Sequence[str]) -> release.Compared:
    """The same with the key in front, then the items that differ somewhere, then the others."""
    differ = {
        name for old, new in compared.changed for name, was, now in zip(compared.items, old, new, strict=True) if was != now
    }
    rank = {name: (name not in key, name not in differ) for name in compared.items}
    order = sorted(range(len(compared.items)), key=lambda at: rank[compared.items[at]])

    def moved(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[at] for at in order)

    return replace(
        compared,
        items=moved(compared.items),
        added=tuple(map(moved, compared.added)),
        removed=tuple(map(moved, compared.removed)),
        changed=tuple((moved(old), moved(new)) for old, new in compared.changed),
    )


def _rows(compared: release.Compared, columns: Sequence[PreviewColumn]) -> list[ChangedRow]:
    def shown(row: Sequence[Any]) -> list[str]:
        return [text(value, column) for value, column in zip(row, columns, strict=True)]

    rows = []
    for old, new in compared.changed:
        cells = [
            (after, before if was != now else None)
            for before, after, was, now in zip(shown(old), shown(new), old, new, strict=True)
        ]
        rows.append(ChangedRow("changed", cells))
    rows += [ChangedRow("added", [(one, None) for one in shown(row)]) for row in compared.added]
    rows += [ChangedRow("removed", [(one, None) for one in shown(row)]) for row in compared.removed]
    return rows
