"""`hub lineage`: what a dataset or an information item comes from, and what is made from it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.tree import Tree
from sqlmodel import Session, select

from catalog import access
from catalog.entries.resources import Resource
from catalog.lineage import graph as lineage
from catalog.lineage.graph import Graph, LineageEdge
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen, styled
from contracts.errors import HubError
from warehouse.settings import Settings

LIBRARIES = ("resource", "theme", "topic", "raw", "landing", "quarantine")


class UnknownName(HubError):
    """Nothing of that name takes part in lineage."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"没有「{name}」的血缘；名称如 meter、theme.station、theme.station.name，运行过途径或模型后才有。",
            f"There is no lineage of {name!r}; names look like meter, theme.station or theme.station.name, "
            "and exist once a route or the models have run.",
        )


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="DATASET[.ITEM]", help="e.g. meter, theme.station, theme.station.name"),
    ],
    depth: Annotated[int, typer.Option(min=0, help="Steps to follow; 0: all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what lies upstream and downstream of a dataset, or of one of its items."""
    with database.session(Settings().catalog_database) as session:
        node, item = resolve(session, name)
        _allow(session, node)
        up = lineage.upstream(session, node, item, depth=depth or None)
        down = lineage.downstream(session, node, item, depth=depth or None)
    if not up.edges and not down.edges:
        raise UnknownName(name)
    if as_json:
        typer.echo(json.dumps(told(up, down), ensure_ascii=False))
        return
    console = Screen()
    console.print(tree(said("来自", "comes from"), up, against=True))
    console.print(tree(said("用于", "feeds"), down, against=False))


def resolve(session: Session, name: str) -> tuple[str, str]:
    """A name as people type it → (library.dataset, item): the library may be left out."""
    parts = name.split(".")
    if parts[0] in LIBRARIES and len(parts) > 1:
        return f"{parts[0]}.{parts[1]}", ".".join(parts[2:])
    library = session.exec(select(Resource.library).where(Resource.name == parts[0])).first()
    if library is None:
        raise UnknownName(name)
    return f"{library}.{parts[0]}", ".".join(parts[1:])


def told(up: Graph, down: Graph) -> dict[str, Any]:
    """Both directions as plain data: nodes with their distance, edges with the job that made them."""
    return {
        "name": up.start,
        "item": up.item,
        "upstream": {"nodes": _nodes(up), "edges": _edges(up)},
        "downstream": {"nodes": _nodes(down), "edges": _edges(down)},
    }


def tree(title: str, graph: Graph, *, against: bool) -> Tree:
    """A graph as a tree from where it starts; what was shown once is not opened again."""
    root = Tree(styled((_spell(graph.start, graph.item), "bold"), f" {title}"))
    ends: dict[tuple[str, str], list[tuple[LineageEdge, tuple[str, str]]]] = {}
    for edge in graph.edges:
        source, target = (edge.source, edge.source_item), (edge.target, edge.target_item)
        here, there = (target, source) if against else (source, target)
        ends.setdefault(here, []).append((edge, there))
    shown: set[tuple[str, str]] = set()

    def grow(branch: Tree, node: tuple[str, str]) -> None:
        if node in shown:
            return
        shown.add(node)
        for edge, there in ends.get(node, []):
            again = " …" if there in shown and ends.get(there) else ""
            grow(branch.add(styled(f"{_spell(*there)} ", (f"{edge.job}{again}", "dim"))), there)

    grow(root, (graph.start, graph.item))
    return root


def _allow(session: Session, node: str) -> None:
    resource = session.exec(select(Resource).where(Resource.name == node.split(".", 1)[-1])).first()
    access.require(session, subject(session), "read-metadata", resource)


def _nodes(graph: Graph) -> list[dict[str, Any]]:
    nodes = sorted(graph.distance.items(), key=lambda pair: (pair[1], pair[0]))
    return [{"name": name, "item": item, "distance": steps} for (name, item), steps in nodes if steps]


def _edges(graph: Graph) -> list[dict[str, str]]:
    names = ("source", "source_item", "target", "target_item", "job")
    return [{name: getattr(edge, name) for name in names} for edge in graph.edges]


def _spell(name: str, item: str) -> str:
    return f"{name}.{item}" if item else name
