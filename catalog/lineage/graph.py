"""Lineage: OpenLineage events as they came, and the edges read from them, columns included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now
from contracts.errors import HubError
from contracts.texts import first_odd

NAMESPACE = "hui"
"""Datasets of this namespace are the hub's own, named library.dataset; others keep their namespace in their name."""


class LineageEvent(SQLModel, table=True):
    """One OpenLineage event, whole. `sent_at` is empty while it waits to be sent on."""

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(index=True)
    job: str = Field(index=True)
    event_type: str = ""
    event_time: str = ""
    digest: str = Field(unique=True, description="sha-256 of the event: receiving it twice keeps it once")
    body: dict[str, Any] = Field(sa_type=Json)
    received_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refusal: str = Field(default="", sa_column_kwargs={"server_default": ""}, description="Why the receiver did not take it")


class LineageEdge(SQLModel, table=True):
    """From one dataset (or item) to another. Empty items: the edge between the datasets themselves."""

    __table_args__ = (Index("ix_lineageedge_target_target_item", "target", "target_item"),)

    source: str = Field(primary_key=True, description="library.dataset, or file:/http: name outside the hub")
    source_item: str = Field(primary_key=True, default="")
    target: str = Field(primary_key=True)
    target_item: str = Field(primary_key=True, default="")
    job: str = Field(default="", index=True)
    seen_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class InvalidEvent(HubError):
    """A document that is no OpenLineage event."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"不是有效的 OpenLineage 事件：{zh}。", f"This is not an OpenLineage event: {en}.")


LONGEST_NAME = 600
"""Bytes: an edge is known by four names, and PostgreSQL indexes no more than 2,704 bytes."""
Edge = tuple[str, str, str, str]
"""source, source item, target, target item; empty items for the edge between datasets."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an event: whether it was new, and the edges that its run has now."""

    event_id: int | None
    new: bool
    edges: int = 0
    targets: frozenset[str] = frozenset()
    """Datasets (library.dataset) of which it says what they are made from."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Datasets (or items) reached from one, with their distance, and the edges between them."""

    start: str
    item: str
    distance: Mapping[tuple[str, str], int] = field(default_factory=dict)
    edges: Sequence[LineageEdge] = ()

    def level(self, distance: int) -> list[tuple[str, str]]:
        """What is that many steps away, by name."""
        return sorted(node for node, steps in self.distance.items() if steps == distance)


def receive(session: Session, event: Mapping[str, Any]) -> Received:
    """Keep an OpenLineage event and the edges it tells of. The same event again changes nothing.

    Inputs and outputs of a run are merged over its events (OpenLineage: a START may name the inputs and a COMPLETE the
    outputs). A runId that is no UUID is taken as it is: producers send such, and losing lineage helps nobody.
    """
    wrong = first_odd(event)
    if wrong:
        raise InvalidEvent(*wrong)
    run_id, job = _named(event)
    body = json.loads(json.dumps(event, default=str))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    values = {
        "run_id": run_id,
        "job": job,
        "event_type": _short(event.get("eventType", "")),
        "event_time": _short(event.get("eventTime", "")),
        "digest": digest,
        "body": body,
        "received_at": now(),
    }
    flavour: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insertion = flavour.insert(LineageEvent).values(**values).on_conflict_do_nothing(index_elements=["digest"])
    event_id = session.connection().execute(insertion.returning(LineageEvent.id)).scalar_one_or_none()
    if event_id is None:
        return Received(None, False)
    bodies = [body]
    if run_id:
        statement = select(LineageEvent.body).where(LineageEvent.run_id == run_id, LineageEvent.job == job)
        bodies = list(session.exec(statement.order_by(col(LineageEvent.id))))
    edges, mapped = _edges(bodies)
    _keep(session, job, edges, mapped)
    return Received(event_id, True, len(edges), frozenset(target for _, item, target, _ in edges if not item))


def _named(event: Mapping[str, Any]) -> tuple[str, str]:
    """Run and job of an event; an event about a dataset or job alone has no run."""
    if not isinstance(event, Mapping) or not event.get("eventTime"):
        raise InvalidEvent("缺少 eventTime", "it has no eventTime")
    if isinstance(event.get("dataset"), Mapping):
        _node(event["dataset"])
        return "", ""
    job = event.get("job")
    if not isinstance(job, Mapping) or not job.get("name") or not job.get("namespace"):
        raise InvalidEvent("缺少 job.namespace 或 job.name", "it has no job.namespace or job.name")
    run = event.get("run", {})
    if not isinstance(run, Mapping) or ("eventType" in event and not run.get("runId")):
        raise InvalidEvent("缺少 run.runId", "it has no run.runId")
    namespace, name = _short(job["namespace"]), _short(job["name"])
    return _short(run.get("runId", "")), name if namespace == NAMESPACE else f"{namespace}/{name}"


def _short(value: Any) -> str:
    """A name as it is kept: longer than LONGEST_NAME it fits no index."""
    text = str(value)
    if len(text.encode("utf-8", "replace")) > LONGEST_NAME:
        raise InvalidEvent(f"名称超过 {LONGEST_NAME} 字节", f"a name is longer than {LONGEST_NAME} bytes")
    return text


def _list(holder: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = holder.get(name) or ()
    if not isinstance(value, list | tuple):
        raise InvalidEvent(f"{name[:40]} 应是列表", f"{name[:40]} must be a list")
    return value


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name) or {}
    if not isinstance(value, Mapping):
        raise InvalidEvent(f"{name[:40]} 应是对象", f"{name[:40]} must be an object")
    return value


def _node(dataset: Any) -> str:
    """A dataset's name here: library.dataset for our own, otherwise its namespace and name."""
    if not isinstance(dataset, Mapping) or not dataset.get("name") or not dataset.get("namespace"):
        raise InvalidEvent("数据集缺少 namespace 或 name", "a dataset has no namespace or name")
    namespace, name = _short(dataset["namespace"]), _short(dataset["name"])
    if namespace == NAMESPACE:
        return name
    return _short(f"{namespace.rstrip('/')}/{name.lstrip('/')}" if "://" in namespace else f"{namespace}:{name}")


def _edges(bodies: Sequence[Mapping[str, Any]]) -> tuple[set[Edge], set[str]]:
    """Edges of a run's events together, and the targets whose columns were told (their old edges are replaced)."""
    inputs, outputs, items, mapped = set[str](), set[str](), set[Edge](), set[str]()
    for body in bodies:
        inputs |= {_node(one) for one in _list(body, "inputs")}
        for output in _list(body, "outputs"):
            target = _node(output)
            outputs.add(target)
            columns = _object(_object(_object(output, "facets"), "columnLineage"), "fields")
            mapped |= {target} if columns else set()
            for name in columns:
                fields = _list(_object(columns, name), "inputFields")
                items |= {(_node(one), _short(one.get("field", "")), target, _short(name)) for one in fields}
    sources = {(source, target) for source, _, target, _ in items}
    between = {(source, "", target, "") for source in inputs for target in outputs} if not mapped else set()
    for target in outputs - mapped if mapped else ():
        between |= {(source, "", target, "") for source in inputs}
    for target in mapped:
        named = {source for source, of in sources if of == target} | inputs
        between |= {(source, "", target, "") for source in named}
    return {edge for edge in items | between if edge[0] != edge[2] or edge[1]}, mapped


def _keep(session: Session, job: str, edges: set[Edge], mapped: set[str]) -> None:
    """Write edges; those that the job told before of a target with columns, and tells no more, go."""
    connection, moment = session.connection(), now()
    names = ("source", "source_item", "target", "target_item")
    if mapped:
        old = select(LineageEdge.source, LineageEdge.source_item, LineageEdge.target, LineageEdge.target_item)
        known = session.exec(old.where(LineageEdge.job == job, col(LineageEdge.target).in_(mapped))).all()
        for dropped in {tuple(edge) for edge in known} - edges:
            where = tuple_(*(col(getattr(LineageEdge, name)) for name in names)) == tuple_(*dropped)
            connection.execute(delete(LineageEdge).where(where))
    if not edges:
        return
    flavour: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    rows = [dict(zip(names, edge, strict=True)) | {"job": job, "seen_at": moment} for edge in sorted(edges)]
    statement = flavour.insert(LineageEdge)
    statement = statement.on_conflict_do_update(
        index_elements=list(names), set_={"job": statement.excluded.job, "seen_at": statement.excluded.seen_at}
    )
    connection.execute(statement, rows)


def upstream(session: Session, name: str, item: str = "", *, depth: int | None = None) -> Graph:
    """What a dataset (or one item of it) is made from, nearest first."""
    return _reached(session, name, item, depth, against=True)


def downstream(session: Session, name: str, item: str = "", *, depth: int | None = None) -> Graph:
    """What is made from a dataset (or one item of it), nearest first."""
    return _reached(session, name, item, depth, against=False)


def _reached(session: Session, name: str, item: str, depth: int | None, *, against: bool) -> Graph:
    distance: dict[tuple[str, str], int] = {(name, item): 0}
    reached: dict[Edge, LineageEdge] = {}
    frontier, steps = [(name, item)], 0
    while frontier and (depth is None or steps < depth):
        steps += 1
        following: list[tuple[str, str]] = []
        for edge in _touching(session, frontier, bool(item), against=against):
            reached[(edge.source, edge.source_item, edge.target, edge.target_item)] = edge
            node = (edge.source, edge.source_item) if against else (edge.target, edge.target_item)
            if node not in distance:
                distance[node] = steps
                following.append(node)
        frontier = following
    return Graph(name, item, distance, list(reached.values()))


def _touching(session: Session, frontier: Sequence[tuple[str, str]], items: bool, *, against: bool) -> Sequence[LineageEdge]:
    """Edges that end (or begin) at any of the nodes; between items, or between datasets only."""
    near, near_item = (
        (LineageEdge.target, LineageEdge.target_item) if against else (LineageEdge.source, LineageEdge.source_item)
    )
    names = {name for name, _ in frontier}
    statement = select(LineageEdge).where(col(near).in_(names))
    if not items:
        edges = session.exec(statement.where(LineageEdge.source_item == "", LineageEdge.target_item == "")).all()
    else:
        wanted = {item for _, item in frontier}
        edges = session.exec(statement.where(col(near_item).in_(wanted))).all()
    on = set(frontier)
    end = ("target", "target_item") if against else ("source", "source_item")
    return sorted(
        (edge for edge in edges if (getattr(edge, end[0]), getattr(edge, end[1])) in on),
        key=lambda edge: (edge.source, edge.source_item, edge.target, edge.target_item),
    )


def pending(session: Session, limit: int = 500) -> Sequence[LineageEvent]:
    """Events that wait to be sent on, oldest first."""
    statement = select(LineageEvent).where(col(LineageEvent.sent_at).is_(None), LineageEvent.refusal == "")
    return session.exec(statement.order_by(col(LineageEvent.id)).limit(limit)).all()


def mark_sent(session: Session, ids: Iterable[int | None]) -> None:
    """The receiver has these events."""
    wanted = [one for one in ids if one is not None]
    session.connection().execute(update(LineageEvent).where(col(LineageEvent.id).in_(wanted)).values(sent_at=now()))


def mark_refused(session: Session, refusals: Mapping[int, str]) -> None:
    """The receiver will not take these events; they are not sent again, and not counted as sent."""
    for event, why in refusals.items():
        session.connection().execute(update(LineageEvent).where(col(LineageEvent.id) == event).values(refusal=why))


def refused(session: Session) -> Sequence[LineageEvent]:
    """Events that the receiver refused, newest first, the last hundred."""
    statement = select(LineageEvent).where(LineageEvent.refusal != "")
    return session.exec(statement.order_by(col(LineageEvent.id).desc()).limit(100)).all()


def events(session: Session, *, run_id: str = "", job: str = "", limit: int = 50) -> Sequence[LineageEvent]:
    """Events of a run or a job, newest first."""
    statement = select(LineageEvent).order_by(col(LineageEvent.id).desc()).limit(limit)
    if run_id:
        statement = statement.where(LineageEvent.run_id == run_id)
    if job:
        statement = statement.where(LineageEvent.job == job)
    return session.exec(statement).all()
