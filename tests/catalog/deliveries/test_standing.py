"""Quality is of a resource as its deliveries stand: returned ones score nothing, corrected rows count as good."""

from __future__ import annotations

import pytest

from catalog.deliveries import batches
from catalog.entries import resources
from catalog.ledger import CatalogLedger
from catalog.overview import scores
from catalog.store import database
from contracts.deliveries import Outcome
from tests.catalog import making

RESULTS = [
    {"rule": "required", "item": "level", "dimension": "completeness", "rows": 1000, "failed": 0},
    {"rule": "values", "item": "level", "dimension": "conformity", "rows": 1000, "failed": 22},
]


@pytest.fixture
def ledger(url: str) -> CatalogLedger:
    """A ledger over a catalogue with one resource."""
    with database.session(url) as session:
        making.resource(session)
    return CatalogLedger(url)


def deliver(ledger: CatalogLedger, sha: str, outcome: Outcome) -> str:
    entry = ledger.receive(making.receipt(sha256=sha * 64))
    ledger.settle(entry.batch_id, outcome)
    return entry.batch_id


def returned() -> Outcome:
    return Outcome(state="returned", received=1000, quarantined=1000, quality=RESULTS)


def loaded() -> Outcome:
    perfect = [{**result, "failed": 0} for result in RESULTS]
    return Outcome(state="loaded", received=1000, accepted=1000, inserted=1000, quality=perfect, table_rows=1000)


def test_a_batch_returned_whole_scores_nothing(ledger: CatalogLedger) -> None:
    deliver(ledger, "a", returned())
    with database.session(ledger.engine) as session:
        assert [one.total for one in scores.trend(session, "major_hazard")] == [0.0]
        assert resources.get(session, "major_hazard").quality == 0.0


def test_the_score_is_of_all_its_deliveries_not_of_the_newest(ledger: CatalogLedger) -> None:
    deliver(ledger, "a", returned())
    deliver(ledger, "b", loaded())
    with database.session(ledger.engine) as session:
        assert [one.total for one in scores.trend(session, "major_hazard")] == [0.0, 100.0]
        found = scores.score(session, "major_hazard")
        assert found is not None
        assert {name: value for name, value in found.dimensions.items() if name != "timeliness"} == {
            "completeness": 50.0,
            "conformity": 50.0,
        }


def test_corrected_rows_count_as_good(ledger: CatalogLedger) -> None:
    results = [{**RESULTS[1], "failed": 100}]
    number = deliver(
        ledger, "a", Outcome(state="partial", received=1000, accepted=900, quarantined=100, inserted=900, quality=results)
    )
    with database.session(ledger.engine) as session:
        before = scores.score(session, "major_hazard")
        assert before is not None
        assert before.dimensions["conformity"] == 90.0
        batches.get(session, number).mended = 50
    with database.session(ledger.engine) as session:
        after = scores.score(session, "major_hazard")
        assert after is not None
        assert after.dimensions["conformity"] == 95.0


def test_held_batches_have_no_score_and_newest_stand_first(ledger: CatalogLedger) -> None:
    first = deliver(ledger, "a", loaded())
    second = deliver(ledger, "b", Outcome(state="held", questions=[{"about": "missing", "choices": []}]))
    with database.session(ledger.engine) as session:
        assert [one.total for one in scores.trend(session, "major_hazard")] == [100.0]
        assert [batch.id for batch in batches.listed(session).batches] == [second, first]
        assert batches.get(session, second).questions == [{"about": "missing", "choices": []}]
    assert ledger.unsettled() == []
