"""Keys that come twice in one delivery, in files in the order of their key and in others."""

from __future__ import annotations

import pytest

from tests.warehouse.conftest import Hub, thing

ROWS = 5_000


def text(changed: dict[int, str], order: int = 1) -> str:
    lines = [changed.get(n, f"k{n:05d},名,{n}") for n in range(1, ROWS + 1)]
    return "编号,名称,数量\n" + "\n".join(lines[::order]) + "\n"


@pytest.fixture(autouse=True)
def given(hub: Hub, in_this_process: None) -> None:
    hub.given.add(thing())


@pytest.mark.parametrize("place", [2, 2048, 2049, 4097, ROWS])
class TestInTheOrderOfTheKey:
    """The first row of a vector is compared with the last one of the vector before."""

    def test_the_same_row_again_is_unchanged(self, hub: Hub, place: int) -> None:
        outcome = hub.deliver(text({place: f"k{place - 1:05d},名,{place - 1}"})).outcome
        assert (outcome.accepted, outcome.inserted, outcome.unchanged) == (ROWS, ROWS - 1, 1)

    def test_another_row_of_that_key_is_refused_with_it(self, hub: Hub, place: int) -> None:
        outcome = hub.deliver(text({place: f"k{place - 1:05d},名,7"})).outcome
        assert (outcome.accepted, outcome.quarantined, outcome.table_rows) == (ROWS - 2, 2, ROWS - 2)


@pytest.mark.parametrize("order", [1, -1])
def test_no_key_twice(hub: Hub, order: int) -> None:
    assert hub.deliver(text({}, order)).outcome.inserted == ROWS


def test_a_key_far_from_its_like(hub: Hub) -> None:
    outcome = hub.deliver(text({ROWS: "k00001,名,7"})).outcome
    assert (outcome.accepted, outcome.quarantined) == (ROWS - 2, 2)


def test_rows_at_fault_are_no_repeats(hub: Hub) -> None:
    outcome = hub.deliver(text({3_000: "k02999,名,-1"})).outcome
    assert (outcome.accepted, outcome.quarantined, outcome.table_rows) == (ROWS - 1, 1, ROWS - 1)
