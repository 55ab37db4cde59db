"""A graph drawn on the server: layers from left to right, each ordered so that few lines cross, long lines led around boxes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Place = tuple[int, Hashable]
"""A layer, and what stands in it: a node, or the passage of a line."""

WIDTH, HEIGHT = 212, 52
PASSAGE = 12
"""Height that a passing line takes in a layer."""
ACROSS, BETWEEN, MARGIN = 36, 14, 8
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Placed:
    """A node and where its box begins."""

    node: Hashable
    x: int
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and lines (as SVG paths) on a ground of a width and a height."""

    width: int
    height: int
    boxes: Sequence[Placed]
    lines: Sequence[str]
    box: tuple[int, int] = (WIDTH, HEIGHT)


def draw(start: Node, edges: Iterable[tuple[Node, Node]]) -> Drawing:
    """What `start` is made from at its left, what is made from it at its right."""
    pairs = sorted({(source, target) for source, target in edges if source != target}, key=str)
    layer = _layers(start, pairs)
    known = [(source, target) for source, target in pairs if source in layer and target in layer]
    columns, lines = _columns(layer, known)
    order = _ordered(columns, lines)
    middle = _middles(order, layer)
    boxes = [
        Placed(node, MARGIN + at * (WIDTH + ACROSS), middle[at, node] - HEIGHT / 2)
        for at, places in sorted(order.items())
        for node in places
        if node in layer
    ]
    paths = [_path(line, middle, layer) for line in lines]
    height = max(middle.values()) + HEIGHT / 2 + MARGIN
    return Drawing(2 * MARGIN + len(order) * WIDTH + (len(order) - 1) * ACROSS, round(height), boxes, paths)


def _layers(start: Node, edges: Sequence[tuple[Node, Node]]) -> dict[Node, int]:
    """Each node's layer from the left: by the longest way from the start, against the edges for those at its left."""
    following: dict[Node, list[Node]] = {}
    against: dict[Node, list[Node]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
        against.setdefault(target, []).append(source)
    steps = {node: -far for node, far in _longest(start, against).items()} | _longest(start, following)
    rank = {step: number for number, step in enumerate(sorted(set(steps.values())))}
    return {node: rank[step] for node, step in steps.items()}


def _longest(start: Node, following: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """Steps of the longest way to each node; a way that comes back to itself is not followed."""
    steps = {start: 0}
    waiting: list[tuple[Node, frozenset[Node]]] = [(start, frozenset([start]))]
    while waiting:
        node, trail = waiting.pop()
        for after in following.get(node, ()):
            if after not in trail and steps[node] + 1 > steps.get(after, 0):
                steps[after] = steps[node] + 1
                waiting.append((after, trail | {after}))
    return steps


def _columns(
    layer: Mapping[Node, int], edges: Sequence[tuple[Node, Node]]
) -> tuple[dict[int, list[Hashable]], list[list[Place]]]:
    """What stands in each layer, passages of long lines included; and each line as the places it goes through. A line
    that leads back (data that feeds itself) goes straight."""
    columns: dict[int, list[Hashable]] = {}
    for node in sorted(layer, key=str):
        columns.setdefault(layer[node], []).append(node)
    lines: list[list[Place]] = []
    for source, target in edges:
        through: list[Place] = []
        for at in range(layer[source] + 1, layer[target]):
            passage = ("passage", source, target)
            columns[at].append(passage)
            through.append((at, passage))
        lines.append([(layer[source], source), *through, (layer[target], target)])
    return columns, lines


def _ordered(columns: Mapping[int, list[Hashable]], lines: Sequence[Sequence[Place]]) -> dict[int, list[Hashable]]:
    """Each layer by the mean place of its neighbours, from left to right and back again a few times."""
    near: dict[Place, list[Place]] = {}
    for line in lines:
        for one, other in pairwise(line):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    order = {at: list(places) for at, places in columns.items()}
    for sweep in range(SWEEPS):
        rank = {(at, node): number for at, places in order.items() for number, node in enumerate(places)}
        side = -1 if sweep % 2 == 0 else 1
        for at in sorted(order, reverse=side == 1):
            means = {}
            for node in order[at]:
                beside = [rank[place] for place in near.get((at, node), ()) if place[0] == at + side]
                means[node] = sum(beside) / len(beside) if beside else rank[at, node]
            order[at].sort(key=lambda node, means=means: means[node])  # type: ignore[misc]
            rank |= {(at, node): number for number, node in enumerate(order[at])}
    return order


def _middles(order: Mapping[int, Sequence[Hashable]], boxes: Mapping[Node, int]) -> dict[Place, float]:
    """The middle of each place from the top, every layer centred."""

    def tall(node: Hashable) -> int:
        return HEIGHT if node in boxes else PASSAGE

    needs = {at: sum(map(tall, places)) + BETWEEN * (len(places) - 1) for at, places in order.items()}
    whole = max(needs.values())
    middle = {}
    for at, places in order.items():
        top = MARGIN + (whole - needs[at]) / 2
        for node in places:
            middle[at, node] = top + tall(node) / 2
            top += tall(node) + BETWEEN
    return middle


def _path(line: Sequence[Place], middle: Mapping[Place, float], boxes: Mapping[Node, int]) -> str:
    """A line from the right edge of its first box through its passages to the left edge of its last."""

    def left(at: int) -> int:
        return MARGIN + at * (WIDTH + ACROSS)

    x, y = left(line[0][0]) + WIDTH, middle[line[0]]
    path = f"M{x} {y:g}"
    for at, node in line[1:]:
        end_x, end_y = left(at), middle[at, node]
        bend = ACROSS / 2 if end_x > x else -ACROSS / 2
        path += f"C{x + bend:g} {y:g} {end_x - bend:g} {end_y:g} {end_x} {end_y:g}"
        x, y = end_x, end_y
        if node not in boxes:
            path += f"H{end_x + WIDTH}"
            x = end_x + WIDTH
    return path
