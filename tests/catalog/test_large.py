"""Lists of a catalogue that grows: the same statements, read from an index, and no longer with each entry there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, func
from sqlmodel import Session, select

from benchmarks import large_catalogue
from benchmarks.large_catalogue import SMALL, Large
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch, BatchFilters
from catalog.entries import search_index
from catalog.entries.resources import Resource
from catalog.entries.visibility import concerning, discoverable, hidden_datasets
from catalog.identity.people import ANONYMOUS, Subject
from catalog.overview import statistics
from catalog.search import facets, mirror, search, words
from catalog.search.facets import Filters
from catalog.store import database
from contracts.clock import now
from tests.counting import statements

STEWARD = Subject("li", "李敏", "hub", frozenset({"steward"}))
ANALYST = Subject("zhou", "周航", "body-5", frozenset({"analyst"}))
PROVIDER = Subject("gao", "高岩", "body-3", frozenset({"provider"}))
BIG = ("resource", "batch", "agreement", "qualityresult", "searchentry")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Large]]:
    """A catalogue with every kind of row, made by the generator of `make bench`."""
    url = f"sqlite:///{tmp_path_factory.mktemp('large') / 'catalog.db'}"
    size = replace(SMALL, resources=300, agreements=90, batches=900, audit=50, attempts=100, bodies=80)
    large = large_catalogue.fill(url, size)
    with database.engine(url).begin() as connection:
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")  # plans as for a large one: going through 300 rows is no fault
    database.engine(url).dispose()
    yield url, large
    database.engine(url).dispose()


@pytest.fixture
def session(filled: tuple[str, Large]) -> Iterator[Session]:
    with database.session(filled[0]) as opened:
        yield opened


@pytest.mark.parametrize("subject", [STEWARD, ANALYST, PROVIDER, ANONYMOUS], ids=str)
def test_what_is_in_memory_is_what_a_query_finds(filled: tuple[str, Large], subject: Subject) -> None:
    """Entries change, one is new and one goes; each list reads what changed and no more."""
    for round_ in range(3):
        with database.session(filled[0]) as session:
            _agrees(session, subject)
        with database.session(filled[0]) as session:
            for number, one in enumerate(session.exec(select(Resource).where(Resource.id.in_(("r7", "r8", "r9"))))):  # type: ignore[attr-defined]
                one.state = ("draft", "published", "withdrawn")[(round_ + number) % 3]
                one.provider_id, one.rows, one.title = f"body-{round_ + 3}", one.rows + 17, f"{one.title}改"
                one.updated_at, one.formats = now(), [round_ + 1]
            found = search.search(session, subject=subject)
            assert found.total == session.exec(select(func.count()).select_from(Resource).where(discoverable(subject))).one()
            name = f"new{round_}{subject.login}"
            session.add(Resource(id=name, name=name, title="新", provider_id="hub"))


def _agrees(session: Session, subject: Subject) -> None:
    every = session.exec(select(Resource).where(discoverable(subject))).all()
    with statements(session) as asked:
        found = search.search(session, subject=subject, sort="rows", size=100)
    assert not [one for one in asked if "FROM resource LEFT" in one and "entrychange" not in one][1:]
    assert found.total == len(every)
    assert [hit.resource.rows for hit in found.hits] == sorted((one.rows for one in every), reverse=True)[:100]
    states = {facet.name: {choice.value: choice.count for choice in facet.choices} for facet in found.facets}
    assert states["sharing"] == dict(Counter(one.sharing for one in every))
    assert states["format"] == dict(Counter(code for one in every for code in one.formats))
    some = search.search(session, filters=Filters(provider=("body-3", "body-4"), sharing=(2,)), subject=subject)
    assert some.total == sum(one.provider_id in ("body-3", "body-4") and one.sharing == 2 for one in every)
    figures = statistics.numbers(session, subject)
    assert (figures.rows, figures.resources) == (sum(one.rows for one in every), len(every))


def scanned(session: Session, statements: list[tuple[str, tuple[object, ...]]], *more: str) -> list[str]:
    """Steps of the plans that go through a big table from one end to the other, by no index; or those that are named."""
    steps, wanted = [], {*more} or {f"SCAN {table}" for table in BIG}
    for statement, parameters in statements:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps += [row[3] for row in plan if row[3] in wanted]
    return steps


@pytest.mark.parametrize("subject", [STEWARD, ANALYST, PROVIDER], ids=["steward", "analyst", "provider"])
@pytest.mark.parametrize("filters", [BatchFilters(), BatchFilters(state=("partial",)), BatchFilters(dataset="set_1")])
def test_batches_are_listed_from_an_index_and_counted_right(session: Session, subject: Subject, filters: BatchFilters) -> None:
    """Every known dataset stood in the statement: beyond 65,535 of them PostgreSQL refused it."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    note = lambda _c, _u, statement, parameters, *_: asked.append((statement, parameters))  # noqa: E731
    event.listen(Engine, "before_cursor_execute", note)
    try:
        found = batches.listed(session, filters, hidden=hidden_datasets(subject), concerning=concerning(subject))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert max(len(parameters) for _, parameters in asked) < 20
    assert not scanned(session, asked)
    narrowed = subject is PROVIDER or bool(filters.dataset)
    assert not (narrowed and scanned(session, asked, "SCAN batch USING INDEX ix_batch_state_received_at_sequence"))
    known = select(Resource.name).where(discoverable(subject))
    wanted = select(Batch).where(Batch.dataset.in_(known), concerning(subject))  # type: ignore[attr-defined]
    if filters.dataset:
        wanted = wanted.where(Batch.dataset == filters.dataset)
    every = session.exec(wanted).all()
    assert found.states == dict(Counter(batch.state for batch in every))
    newest = sorted(every, key=lambda batch: (batch.received_at, batch.sequence), reverse=True)
    assert [one.id for one in found.batches] == [one.id for one in newest if one.state in (filters.state or found.states)][:20]


@pytest.mark.parametrize("query", ["水库", "水库 河道", "没有这样的名称水"])
def test_facets_of_many_values_are_counted_from_what_was_found(
    session: Session, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three thousand providers: each found entry once, not each provider's entries."""
    for filters in (Filters(), Filters(provider=("body-3", "hub"), sharing=(1, 2))):
        by_value = search.search(session, query, filters, subject=ANALYST)
        assert by_value.total or filters.provider
        monkeypatch.setattr(facets, "MANY_VALUES", 0)
        assert search.search(session, query, filters, subject=ANALYST) == by_value
        monkeypatch.undo()


ASKED = ("水库", "水库 河道", "set_1", "行政区划", "行政区划 名录", "新名", "没有这样的名称水")


@pytest.mark.parametrize("ranked", [True, False])
def test_words_kept_find_what_the_index_finds(filled: tuple[str, Large], ranked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries change their words, their state and their body: of a word that is kept, the index is asked for these alone."""
    monkeypatch.setattr(words, "MOST_RANKED", 25_000 if ranked else 5)
    mirror.forget(database.engine(filled[0]))
    for round_ in range(3):
        for subject in (STEWARD, ANALYST, PROVIDER, ANONYMOUS):
            kept = [_listed(filled[0], query, subject) for query in ASKED]
            with database.session(filled[0]) as session, statements(session) as asked:
                assert [_found(session, query, subject) for query in ASKED] == kept
            assert not [one for one in asked if "MATCH" in one]
            mirror.forget(database.engine(filled[0]))
            assert [_listed(filled[0], query, subject) for query in ASKED] == kept
        with database.session(filled[0]) as session:
            for number, one in enumerate(session.exec(select(Resource).where(Resource.id.in_(("r17", "r18", "r19"))))):  # type: ignore[attr-defined]
                one.title = f"{'新名' if round_ == number else '旧名'}水库{number}"
                one.state = ("published", "draft")[(round_ + number) % 2]
                session.add(one)
                session.flush()
                search_index.index(session, one)
        with database.session(filled[0]) as session, statements(session) as asked:
            search.search(session, "水库", subject=STEWARD)
        assert [("rowid IN" in one) for one in asked if "MATCH" in one] == [True]


def _listed(url: str, query: str, subject: Subject) -> object:
    with database.session(url) as session:
        return _found(session, query, subject)


def _found(session: Session, query: str, subject: Subject) -> object:
    found = search.search(session, query, subject=subject, size=100)
    suggested = [one.name for one in search.suggested(session, query, subject=subject, size=100)]
    every = {hit.resource.name for hit in found.hits}
    assert not suggested if found.relaxed else set(suggested) == every
    return found.total, found.relaxed, every, [(one.name, one.choices) for one in found.facets]


def test_a_search_asks_little_and_reads_what_it_shows(session: Session) -> None:
    """The words, which the index is asked for once; who is called so; and the entries that are shown."""
    mirror.forget(session.connection().engine)
    search.search(session, "行政区划", subject=ANALYST)
    for query, most in (("河道 名录", 9), ("名录 河道", 5), ("行政区划", 5)):
        with statements(session) as asked:
            found = search.search(session, query, subject=ANALYST, named=False)
        assert found.total
        assert len(asked) <= most, asked
        assert sum("MATCH" in one for one in asked) == most - 5
    with statements(session) as asked:
        assert len(search.suggested(session, "名录", subject=ANALYST)) == 10
    assert len(asked) <= 3, asked


def test_no_suggestion_is_of_what_one_may_not_know_of(session: Session) -> None:
    every = {one.name for one in session.exec(select(Resource))}
    for subject in (STEWARD, ANALYST, PROVIDER, ANONYMOUS):
        known = set(session.exec(select(Resource.name).where(discoverable(subject))).all())
        typed = [f"set_{number}" for number in range(0, 300, 7)]
        seen = {one.name for text in typed for one in search.suggested(session, text, subject=subject, size=20)}
        assert seen <= known
        assert not {text for text in typed if text in known} - seen
    assert known < every
