"""A load in which every value is empty was read past its data, and is refused."""

from __future__ import annotations

from contracts.model import Delivery
from tests.warehouse.conftest import Hub, thing


def test_rows_without_any_value_are_refused(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    done = hub.deliver("其他,列\n1,2\n3,4\n")
    assert (done.outcome.state, done.outcome.accepted) == ("refused", 0)
    assert [check["rule"] for check in done.outcome.checks if not check["passed"] and check["rule"] == "empty"]


def test_one_value_is_enough(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    assert hub.deliver("编号,列\n1,2\n,4\n").outcome.state == "loaded"
