"""What a delivery means, against a plain model of it in Python (architecture.md, "What a delivery means")."""

from __future__ import annotations

import itertools
from collections import Counter

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contracts.deliveries import Answers
from contracts.model import BatchRules, Delivery, Item, Type
from tests.warehouse.conftest import Hub, thing

HEAD = "编号,名称,数量\n"
Row = tuple[str, str, int]
names = itertools.count()
rows = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xy"), st.integers(-1, 3)), max_size=7)


MEANT = Answers(again=True, nil=True)
"""An older file again, and a delivery without a row, are what their sender wants."""


def model(state: dict[str, Row], batch: list[Row], delivery: Delivery, versioned: bool) -> tuple[dict[str, Row], Counter[str]]:
    """The table after a batch, and the counts of the batch. One without an accepted row changes nothing."""
    counts: Counter[str] = Counter(received=len(batch))
    good = [row for row in batch if row[2] >= 0]
    contradicting = {key for key in {row[0] for row in good} if len({row for row in good if row[0] == key}) > 1}
    after = dict(state)
    for key, row in {row[0]: row for row in good if row[0] not in contradicting}.items():
        copies = sum(1 for other in good if other == row)
        counts["accepted"] += copies
        counts["unchanged"] += copies - 1
        old = state.get(key)
        if old is None:
            counts["inserted"] += 1
            after[key] = row
        elif old == row or (versioned and row[2] < old[2]):
            counts["unchanged"] += 1
        else:
            counts["updated"] += 1
            after[key] = row
    counts["quarantined"] = len(batch) - counts["accepted"]
    if batch and not counts["accepted"]:
        return dict(state), Counter(received=len(batch), accepted=0, quarantined=len(batch))
    if delivery is Delivery.FULL:
        for key in set(state) - {row[0] for row in batch}:
            del after[key]
            counts["removed"] += 1
    return after, counts


def table_rows(hub: Hub, dataset: str) -> list[tuple[object, ...]]:
    """The table's rows; none where no batch has made the table yet."""
    try:
        return hub.things(dataset)
    except duckdb.CatalogException:
        return []


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("delivery", [Delivery.CHANGES, Delivery.FULL])
@given(batches=st.lists(rows, min_size=1, max_size=3))
@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_the_model_says(hub: Hub, delivery: Delivery, versioned: bool, batches: list[list[Row]]) -> None:
    dataset = f"things_{next(names)}"
    version = "amount" if versioned else None
    hub.given.add(thing(delivery, dataset=dataset, version_by=version, batch_rules=BatchRules(vanish_share=1.0)))
    state: dict[str, Row] = {}
    last = None
    for batch in batches:
        if batch == last:
            continue
        last = batch
        text = HEAD + "".join(f"{k},{n},{a}\n" for k, n, a in batch)
        outcome = hub.deliver(text, dataset=dataset, answers=MEANT).outcome
        state, counts = model(state, batch, delivery, versioned)
        assert {name: getattr(outcome, name) for name in counts} == dict(counts)
        if outcome.state == "returned":
            assert not outcome.accepted
        else:
            assert outcome.table_rows == len(state)
        assert table_rows(hub, dataset) == sorted(state.values())


class TestDigitsThatANumberDoesNotKeep:
    """A DOUBLE holds fifteen digits: what would be rounded goes to quarantine, with the way out."""

    MONEY = Item("money", "金额", Type.NUMBER, thousands=True)

    @pytest.mark.parametrize(
        "value",
        [
            "12345678901234567.89",
            "9007199254740993",
            "123456789012345670.25",
            "-99999999999999999999",
            '"12,345,678,901,234,567.89"',
            "1" + "0" * 40,
        ],
    )
    def test_it_is_not_rounded_in_silence(self, hub: Hub, value: str) -> None:
        hub.given.add(thing(items=(self.MONEY,)))
        hub.deliver("编号,名称,数量,金额\nA1,x,1,12.5\n")
        made = hub.deliver(f"编号,名称,数量,金额\nA2,x,1,{value}\nA3,y,2,1.5\n")
        assert (made.outcome.state, made.outcome.accepted, made.outcome.quarantined) == ("partial", 1, 1)
        assert "DECIMAL" in made.outcome.faults[0].message

    @pytest.mark.parametrize(
        "value",
        ["45.809999999999995", "1700000000.1234567", "123456789012345.5", "1.5e20", "0.1000000000000000055511", "12345678.10"],
    )
    def test_what_is_kept_is_loaded(self, hub: Hub, value: str) -> None:
        hub.given.add(thing(items=(self.MONEY,)))
        made = hub.deliver(f"编号,名称,数量,金额\nA2,x,1,{value}\n")
        assert (made.outcome.accepted, hub.sql("SELECT money FROM resource.things")) == (1, [(float(value),)])
