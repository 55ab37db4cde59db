"""血缘: the strip of boxes around a resource, the whole graph drawn, and every edge as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from sqlmodel import Session, col, or_, select

from api.portal.components import graph_layout
from api.portal.components.gallery import Box
from api.portal.shell.page import Page
from api.portal.wording.i18n import say
from api.portal.wording.labels import LIBRARIES
from catalog.entries import contracts as registry
from catalog.entries.contracts import UnknownContract
from catalog.entries.resources import Resource
from catalog.entries.visibility import discoverable
from catalog.identity.organizations import Organization
from catalog.lineage.graph import LineageEdge, downstream, upstream
from contracts.model import Item

SHOWN = 5
TOGETHER = "file:*/"
"""The box of all that send a dataset, where there are more than `APART` of them."""
APART = 3
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
class Map:
    """The whole graph: boxes with their places, lines, and the edges drawn."""

    drawing: graph_layout.Drawing
    boxes: Mapping[tuple[str, str], Box]
    edges: Sequence[EdgeRow]
    total: int
    """How many datasets and sources there are, each sender of a box counted."""


@dataclass(frozen=True, slots=True)
class LineageNames:
    """What the nodes of a graph are called, as far as the reader may know."""

    resources: Mapping[str, Resource]
    organizations: Mapping[str, Organization]
    sources: bool
    """Whether the reader sees how data comes: files, interfaces and their senders."""
    senders: Mapping[str, int]
    """Datasets that many organizations send, with how many: one box stands for them."""

    def place(self, name: str) -> str:
        """The box a node is drawn as: the dataset it is on the way of, the senders of a dataset together."""
        sender, _, dataset = name.partition("/")
        return f"{TOGETHER}{dataset}" if sender.startswith("file:") and dataset in self.senders else _whole(name)

    def counted(self, name: str) -> int:
        """How many sources a box stands for."""
        return self.senders[name.removeprefix(TOGETHER)] if name.startswith(TOGETHER) else 1


def strip(session: Session, page: Page, resource: Resource, depth: int = 1, shown: int = SHOWN) -> Strip:
    """Datasets up to `depth` steps away, the resource itself framed."""
    name = f"{resource.library}.{resource.name}"
    up, down = upstream(session, name).edges, downstream(session, name).edges
    names = _names(session, page, {node for edge in (*up, *down) for node in (edge.source, edge.target)} | {name})
    above = _levels(name, [(names.place(edge.target), names.place(edge.source)) for edge in up if _known(names, edge)])
    below = _levels(name, [(names.place(edge.source), names.place(edge.target)) for edge in down if _known(names, edge)])
    more = f"/resources/{resource.name}/lineage"
    columns = [_column(page, names, level, shown, more) for level in reversed(above[:depth])]
    columns.append([_box(page, names, name, current=True)])
    columns += [_column(page, names, level, shown, more) for level in below[:depth]]
    total = 1 + sum(names.counted(node) for level in (*above, *below) for node in level)
    return Strip([column for column in columns if column], total)


def _whole(name: str) -> str:
    """The dataset a place belongs to: landing.x and raw.x are on the way of resource.x."""
    library, _, short = name.partition(".")
    return f"resource.{short}" if library in WITHIN else name


def _levels(start: str, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """What is one step away, two steps, …, each node once, by name."""
    following: dict[str, set[str]] = {}
    for near, far in pairs:
        if near != far:
            following.setdefault(near, set()).add(far)
    seen, frontier, levels = {start}, {start}, list[list[str]]()
    while frontier := {node for one in frontier for node in following.get(one, ())} - seen:
        seen |= frontier
        levels.append(sorted(frontier))
    return levels


def whole(session: Session, page: Page, resource: Resource, item: str = "") -> Map:
    """Everything up- and downstream of a resource, or of one item of it, as far as the reader may know; edges by place."""
    name = f"{resource.library}.{resource.name}"
    found = {
        (edge.source, edge.source_item, edge.target, edge.target_item): edge
        for reach in (upstream, downstream)
        for edge in reach(session, name, item).edges
    }
    names = _names(session, page, {end for edge in found.values() for end in (edge.source, edge.target)} | {name})
    known = [edge for edge in found.values() if _known(names, edge)]
    ends = [((names.place(one.source), one.source_item), (names.place(one.target), one.target_item)) for one in known]
    drawn = graph_layout.draw((name, item), ends)
    titles = _titles(session, {node for node, _ in [(name, item), *(end for pair in ends for end in pair)]}) if item else {}
    boxes = {}
    for placed in drawn.boxes:
        node = cast(tuple[str, str], placed.node)
        box = _box(page, names, node[0], current=node == (name, item))
        boxes[node] = _item_box(page, box, titles.get(node), node) if item else box
    rows = [EdgeRow(edge, _link(names, edge.source), _link(names, edge.target)) for edge in known]
    rows.sort(key=lambda row: (row.edge.target, row.edge.source, row.edge.target_item, row.edge.source_item))
    return Map(drawn, boxes, rows, sum(names.counted(cast(tuple[str, str], placed.node)[0]) for placed in drawn.boxes))


def items_told(session: Session, page: Page, resource: Resource) -> set[str]:
    """Items of a resource whose way the reader may know: what they are made from, or what is made from them."""
    name = f"{resource.library}.{resource.name}"
    touching = or_(col(LineageEdge.source) == name, col(LineageEdge.target) == name)
    edges = session.exec(select(LineageEdge).where(touching, LineageEdge.target_item != "")).all()
    names = _names(session, page, {end for edge in edges for end in (edge.source, edge.target)})
    known = [edge for edge in edges if _known(names, edge)]
    return {edge.source_item if edge.source == name else edge.target_item for edge in known}


def _titles(session: Session, datasets: Iterable[str]) -> dict[tuple[str, str], Item]:
    """The items of datasets by (dataset, item), from their contracts."""
    told = {}
    for dataset in datasets:
        try:
            contract = registry.active(session, dataset.partition(".")[2])
        except UnknownContract:
            continue
        told.update({(dataset, item.name): item for item in contract.items})
    return told


def _item_box(page: Page, box: Box, item: Item | None, node: tuple[str, str]) -> Box:
    """An item's box: its title, below it the dataset; it leads to the item's own way."""
    title = ((item.title_en if page.language == "en" else "") or item.title) if item else node[1]
    link = f"{box.link}/lineage?item={quote(node[1])}" if box.link and item else ""
    return Box(title, box.title, link, box.current)


def _names(session: Session, page: Page, nodes: Iterable[str]) -> LineageNames:
    nodes = set(nodes)
    short = {name.partition(".")[2] for name in nodes if name.partition(".")[0] in (*LIBRARIES, *WITHIN)}
    asked = select(Resource).where(col(Resource.name).in_(short), discoverable(page.subject))
    senders = {name.removeprefix("file:").partition("/")[0] for name in nodes if name.startswith("file:")}
    found = session.exec(select(Organization).where(col(Organization.id).in_(senders)))
    files = Counter(name.partition("/")[2] for name in nodes if name.startswith("file:"))
    return LineageNames(
        {f"{one.library}.{one.name}": one for one in session.exec(asked)},
        {one.id: one for one in found},
        any(place.name == "batches" for place in page.places),
        {dataset: count for dataset, count in files.items() if count > APART},
    )


def _known(names: LineageNames, edge: LineageEdge) -> bool:
    """Whether the reader may know of both ends; an edge to anything else is neither shown nor counted."""
    return all(_may_know(names, node) for node in (edge.source, edge.target))


def _may_know(names: LineageNames, node: str) -> bool:
    if node.partition(".")[0] in (*LIBRARIES, *WITHIN):
        return _whole(node) in names.resources
    return names.sources


def _link(names: LineageNames, name: str) -> str:
    found = names.resources.get(_whole(name))
    return f"/resources/{found.name}" if found else ""


def _column(page: Page, names: LineageNames, level: Sequence[str], shown: int, more: str) -> list[Box]:
    boxes = [_box(page, names, name) for name in level[:shown]]
    if len(level) > shown:
        boxes.append(Box(say(page.language, "其余 %(count)s 个", count=len(level) - shown), "", more))
    return boxes


def _box(page: Page, names: LineageNames, name: str, *, current: bool = False) -> Box:
    found = names.resources.get(name)
    if found is None:
        return _source(page, names, name, current)
    title = (found.title_en if page.language == "en" else "") or found.title
    library = say(page.language, LIBRARIES.get(found.library, found.library))
    version = f"v{found.last_version}" if found.last_version else ""
    note = " · ".join(part for part in (library, version, say(page.language, found.cycle)) if part)
    return Box(title, note, f"/resources/{found.name}", current)


def _source(page: Page, names: LineageNames, name: str, current: bool) -> Box:
    """What the hub got data from, or a dataset that the reader may not know of."""
    if name.startswith("file:"):
        sender, _, dataset = name.removeprefix("file:").partition("/")
        if name.startswith(TOGETHER):
            title = say(page.language, "%(count)s 家报送单位", count=names.counted(name))
            return Box(
                title, say(page.language, "交付文件 %(name)s", name=dataset), f"/batches?dataset={quote(dataset)}", current
            )
        body = names.organizations.get(sender)
        return Box(page.name_of(body) if body else sender, say(page.language, "交付文件 %(name)s", name=dataset))
    if "://" in name:
        return Box(name.rpartition("/")[2], say(page.language, "接口 %(host)s", host=name.split("/")[2]))
    library, _, short = name.partition(".")
    word = say(page.language, LIBRARIES[library]) if library in LIBRARIES else say(page.language, "平台以外")
    return Box(short if library in LIBRARIES else name, word, current=current)
