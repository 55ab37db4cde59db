"""Lineage: what is no event is refused; an event counts once; a run's events together make its edges."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from catalog.lineage import graph as lineage
from catalog.lineage.graph import InvalidEvent, LineageEdge


def event(run: str = "r1", job: str = "model.risk", kind: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-03-12T01:00:00Z",
        "eventType": kind,
        "run": {"runId": run},
        "job": {"namespace": "hui", "name": job},
    } | more


def dataset(name: str, namespace: str = "hui", **fields: list[tuple[str, str]]) -> dict[str, Any]:
    made: dict[str, Any] = {"namespace": namespace, "name": name}
    if fields:
        told = {
            item: {"inputFields": [{"namespace": "hui", "name": source, "field": field} for source, field in sources]}
            for item, sources in fields.items()
        }
        made["facets"] = {"columnLineage": {"fields": told}}
    return made


def edges(session: Session) -> set[tuple[str, str, str, str]]:
    found = session.exec(select(LineageEdge)).all()
    return {(one.source, one.source_item, one.target, one.target_item) for one in found}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"eventTime": "x"},
        {"eventTime": "x", "job": {"name": "a"}},
        {"eventTime": "x", "eventType": "START", "job": {"namespace": "a", "name": "b"}, "run": {}},
        {"eventTime": "x", "eventType": "START", "job": {"namespace": "a", "name": "b"}, "run": "r"},
        {"eventTime": "x", "dataset": {"name": "a"}},
        {"eventTime": "x", "job": {"namespace": "a", "name": "b"}, "inputs": [{"name": "a"}], "outputs": []},
    ],
)
def test_what_is_no_event_is_refused(session: Session, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        lineage.receive(session, wrong)


def test_an_event_counts_once_also_with_its_keys_in_another_order(session: Session) -> None:
    told = event(inputs=[dataset("raw.a")], outputs=[dataset("resource.a")])
    assert lineage.receive(session, told).new
    assert not lineage.receive(session, dict(reversed(list(copy.deepcopy(told).items())))).new
    assert len(lineage.events(session, run_id="r1")) == 1


def test_a_run_id_that_is_no_uuid_is_taken(session: Session) -> None:
    assert lineage.receive(session, event("scheduled__2026-03-12T00:00:00+00:00")).new


def test_start_and_complete_are_merged_whichever_comes_first(session: Session) -> None:
    start = event(kind="START", inputs=[dataset("raw.a")])
    complete = event(outputs=[dataset("resource.a")])
    for told in (complete, start):
        lineage.receive(session, told)
    assert edges(session) == {("raw.a", "", "resource.a", "")}


def test_columns_make_edges_between_items_and_between_their_datasets(session: Session) -> None:
    out = dataset("theme.b", total=[("resource.a", "x"), ("resource.c", "y")])
    lineage.receive(session, event(inputs=[dataset("resource.a")], outputs=[out]))
    assert edges(session) == {
        ("resource.a", "", "theme.b", ""),
        ("resource.c", "", "theme.b", ""),
        ("resource.a", "x", "theme.b", "total"),
        ("resource.c", "y", "theme.b", "total"),
    }


def test_what_a_job_no_longer_tells_of_a_target_goes(session: Session) -> None:
    lineage.receive(session, event("r1", outputs=[dataset("theme.b", total=[("resource.a", "x")])]))
    lineage.receive(session, event("r2", outputs=[dataset("theme.b", total=[("resource.c", "y")])]))
    assert edges(session) == {("resource.c", "", "theme.b", ""), ("resource.c", "y", "theme.b", "total")}


def test_many_senders_of_one_dataset_all_stay(session: Session) -> None:
    for city in ("jixi", "hegang"):
        lineage.receive(session, event(city, "land.x", inputs=[dataset(f"{city}/x", "file")], outputs=[dataset("landing.x")]))
    assert edges(session) == {("file:jixi/x", "", "landing.x", ""), ("file:hegang/x", "", "landing.x", "")}


def test_names_outside_the_hub_keep_their_namespace(session: Session) -> None:
    lineage.receive(session, event(inputs=[dataset("/rows", "http://dept:80")], outputs=[dataset("landing.x")]))
    assert edges(session) == {("http://dept:80/rows", "", "landing.x", "")}


@pytest.fixture
def chain(session: Session) -> Session:
    """file → raw.a → resource.a → theme.b → topic.c, and resource.d → theme.b, with one item all the way."""
    steps = [
        ([dataset("org/a", "file")], dataset("raw.a")),
        ([], dataset("resource.a", x=[("raw.a", "x")])),
        ([dataset("resource.d")], dataset("theme.b", y=[("resource.a", "x")])),
        ([], dataset("topic.c", z=[("theme.b", "y")])),
    ]
    for at, (inputs, output) in enumerate(steps):
        lineage.receive(session, event(f"r{at}", f"j{at}", inputs=inputs, outputs=[output]))
    return session


def test_upstream_and_downstream_reach_everything_at_its_distance(chain: Session) -> None:
    up = lineage.upstream(chain, "topic.c")
    assert [up.level(n) for n in range(5)] == [
        [("topic.c", "")], [("theme.b", "")], [("resource.a", ""), ("resource.d", "")], [("raw.a", "")], [("file:org/a", "")],
    ]  # fmt: skip
    assert len(up.edges) == 5
    down = lineage.downstream(chain, "resource.d")
    assert [down.level(n) for n in (1, 2)] == [[("theme.b", "")], [("topic.c", "")]]
    assert lineage.upstream(chain, "topic.c", depth=1).level(2) == []
    assert lineage.upstream(chain, "nothing").edges == []


def test_an_item_is_followed_through_its_names(chain: Session) -> None:
    up = lineage.upstream(chain, "topic.c", "z")
    assert list(up.distance) == [("topic.c", "z"), ("theme.b", "y"), ("resource.a", "x"), ("raw.a", "x")]
    assert list(lineage.downstream(chain, "raw.a", "x").distance)[-1] == ("topic.c", "z")


def test_a_circle_ends(session: Session) -> None:
    for source, target in (("theme.a", "theme.b"), ("theme.b", "theme.a")):
        lineage.receive(session, event(source, source, inputs=[dataset(source)], outputs=[dataset(target)]))
    assert lineage.upstream(session, "theme.a").distance == {("theme.a", ""): 0, ("theme.b", ""): 1}


def test_events_wait_until_they_are_sent(session: Session) -> None:
    for run in ("r1", "r2", "r3"):
        lineage.receive(session, event(run))
    waiting = lineage.pending(session)
    assert [one.run_id for one in waiting] == ["r1", "r2", "r3"]
    lineage.mark_sent(session, [one.id for one in waiting[:2]])
    session.expire_all()
    assert [one.run_id for one in lineage.pending(session)] == ["r3"]


NAMES = st.sampled_from(["raw.a", "resource.a", "theme.b", "topic.c"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.lists(st.tuples(NAMES, NAMES), min_size=6, max_size=6), st.uuids())
def test_the_order_of_events_and_their_repeats_do_not_matter(
    session: Session, order: list[int], pairs: list[tuple[str, str]], salt: Any
) -> None:
    def told(job: str, at: int) -> dict[str, Any]:
        inputs, outputs = [dataset(f"{job}{pairs[at][0]}")], [dataset(f"{job}{pairs[at][1]}")]
        return event(
            f"{job}{salt}{at // 2}", f"{job}{salt}{at // 2}", inputs=inputs if at % 2 else [], outputs=[] if at % 2 else outputs
        )

    for at in range(6):
        lineage.receive(session, told("p", at))
    for at in [*order, *order]:
        lineage.receive(session, told("q", at))
    found = edges(session)
    assert {(a[1:], b[1:]) for a, _, b, _ in found if a[0] == "p"} == {(a[1:], b[1:]) for a, _, b, _ in found if a[0] == "q"}


def test_marquez_own_example_is_received(session: Session, shared_data: Path) -> None:
    """26 events of the OpenLineage reference implementation's demo."""
    text = (shared_data / "openlineage" / "marquez_seed" / "metadata.template.json").read_text(encoding="utf-8")
    for at, told in enumerate(json.loads(text.replace("{{RUN_START_TIME}}", "2026-01-01T00:00:00Z"))):
        assert lineage.receive(session, told).new, at
    assert len(edges(session)) > 20
    assert lineage.downstream(session, "food_delivery:public.menus").edges
