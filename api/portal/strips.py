"""血缘: the strip of boxes around a resource, and every edge as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from api.portal.frame import Page
from api.portal.languages import say
from api.portal.parts import Box
from api.portal.words import LIBRARIES
from catalog.discovery import discoverable
from catalog.lineage import LineageEdge, downstream, upstream
from catalog.organizations import Organization
from catalog.resources import Resource

SHOWN = 5
WITHIN = ("landing", "raw")
"""Places on the way of one dataset; the strip counts them as the dataset, the table of edges tells them all."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Columns of boxes from what it is made of to what is made of it; how many datasets and sources there are in all."""

    columns: Sequence[Sequence[Box]]
    total: int


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """One edge for the table, with links where the reader may know of an end."""

    edge: LineageEdge
    source_link: str
    target_link: str


@dataclass(frozen=True, slots=True)
class Names:
    """What the nodes of a graph are called, as far as the reader may know."""

    resources: Mapping[str, Resource]
    organizations: Mapping[str, Organization]
    sources: bool
    """Whether the reader sees how data comes: files, interfaces and their senders."""


def strip(session: Session, page: Page, resource: Resource, depth: int = 1, shown: int = SHOWN) -> Strip:
    """Datasets up to `depth` steps away, the resource itself framed."""
    name = f"{resource.library}.{resource.name}"
    up, down = upstream(session, name).edges, downstream(session, name).edges
    names = _names(session, page, {node for edge in (*up, *down) for node in (edge.source, edge.target)} | {name})
    above = _levels(name, [(edge.target, edge.source) for edge in up if _known(names, edge)])
    below = _levels(name, [(edge.source, edge.target) for edge in down if _known(names, edge)])
    more = f"/resources/{resource.name}/lineage"
    columns = [_column(page, names, level, shown, more) for level in reversed(above[:depth])]
    columns.append([_box(page, names, name, current=True)])
    columns += [_column(page, names, level, shown, more) for level in below[:depth]]
    return Strip([column for column in columns if column], 1 + sum(len(level) for level in (*above, *below)))


def _whole(name: str) -> str:
    """The dataset a place belongs to: landing.x and raw.x are on the way of resource.x."""
    library, _, short = name.partition(".")
    return f"resource.{short}" if library in WITHIN else name


def _levels(start: str, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """What is one step away, two steps, …, each node once, by name."""
    following: dict[str, set[str]] = {}
    for near, far in pairs:
        if _whole(near) != _whole(far):
            following.setdefault(_whole(near), set()).add(_whole(far))
    seen, frontier, levels = {start}, {start}, list[list[str]]()
    while frontier := {node for one in frontier for node in following.get(one, ())} - seen:
        seen |= frontier
        levels.append(sorted(frontier))
    return levels


def edges(session: Session, page: Page, resource: Resource) -> tuple[list[EdgeRow], list[EdgeRow]]:
    """Every edge up- and downstream: those between datasets, then those between items."""
    name = f"{resource.library}.{resource.name}"
    reached = {node for graph in (upstream(session, name), downstream(session, name)) for node, _ in graph.distance}
    asked = select(LineageEdge).where(col(LineageEdge.source).in_(reached), col(LineageEdge.target).in_(reached))
    order = (col(LineageEdge.target), col(LineageEdge.source), col(LineageEdge.target_item), col(LineageEdge.source_item))
    names = _names(session, page, reached)
    rows = [
        EdgeRow(edge, _link(names, edge.source), _link(names, edge.target))
        for edge in session.exec(asked.order_by(*order))
        if _known(names, edge)
    ]
    between = [row for row in rows if not row.edge.target_item]
    return between, [row for row in rows if row.edge.target_item]


def _names(session: Session, page: Page, nodes: Iterable[str]) -> Names:
    nodes = set(nodes)
    short = {name.partition(".")[2] for name in nodes if name.partition(".")[0] in (*LIBRARIES, *WITHIN)}
    asked = select(Resource).where(col(Resource.name).in_(short), discoverable(page.subject))
    senders = {name.removeprefix("file:").partition("/")[0] for name in nodes if name.startswith("file:")}
    found = session.exec(select(Organization).where(col(Organization.id).in_(senders)))
    return Names(
        {f"{one.library}.{one.name}": one for one in session.exec(asked)},
        {one.id: one for one in found},
        any(place.name == "batches" for place in page.places),
    )


def _known(names: Names, edge: LineageEdge) -> bool:
    """Whether the reader may know of both ends; an edge to anything else is neither shown nor counted."""
    return all(_may_know(names, node) for node in (edge.source, edge.target))


def _may_know(names: Names, node: str) -> bool:
    if node.partition(".")[0] in (*LIBRARIES, *WITHIN):
        return _whole(node) in names.resources
    return names.sources


def _link(names: Names, name: str) -> str:
    found = names.resources.get(_whole(name))
    return f"/resources/{found.name}" if found else ""


def _column(page: Page, names: Names, level: Sequence[str], shown: int, more: str) -> list[Box]:
    boxes = [_box(page, names, name) for name in level[:shown]]
    if len(level) > shown:
        boxes.append(Box(say(page.language, "其余 %(count)s 个", count=len(level) - shown), "", more))
    return boxes


def _box(page: Page, names: Names, name: str, *, current: bool = False) -> Box:
    found = names.resources.get(name)
    if found is None:
        return _source(page, names, name, current)
    title = (found.title_en if page.language == "en" else "") or found.title
    library = say(page.language, LIBRARIES.get(found.library, found.library))
    version = f"v{found.last_version}" if found.last_version else ""
    note = " · ".join(part for part in (library, version, say(page.language, found.cycle)) if part)
    return Box(title, note, f"/resources/{found.name}", current)


def _source(page: Page, names: Names, name: str, current: bool) -> Box:
    """What the hub got data from, or a dataset that the reader may not know of."""
    if name.startswith("file:"):
        sender, _, dataset = name.removeprefix("file:").partition("/")
        body = names.organizations.get(sender)
        return Box(page.name_of(body) if body else sender, say(page.language, "交付文件 %(name)s", name=dataset))
    if "://" in name:
        return Box(name.rpartition("/")[2], say(page.language, "接口 %(host)s", host=name.split("/")[2]))
    library, _, short = name.partition(".")
    word = say(page.language, LIBRARIES[library]) if library in LIBRARIES else say(page.language, "平台以外")
    return Box(short if library in LIBRARIES else name, word, current=current)
