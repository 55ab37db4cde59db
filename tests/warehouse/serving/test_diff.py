"""Two snapshots compared in what a view shows: counts and example rows, masks and row filter applied before anything."""

from __future__ import annotations

import pytest

from contracts.model import BatchRules, Delivery
from contracts.view import Mask, View
from tests.warehouse.conftest import Hub, thing
from warehouse.serving import diff as release
from warehouse.serving.view_sql import ItemMissing

HEAD = "编号,名称,数量\n"
WHOLE = View("things", "resource", ("id", "name", "amount"))


@pytest.fixture
def ends(hub: Hub) -> tuple[int, int]:
    """Snapshots before and after: b changes, c goes, d comes; e changes in its name only."""
    hub.given.add(thing(Delivery.FULL, batch_rules=BatchRules(vanish_share=1.0)))
    hub.deliver(HEAD + "a,x,1\nb,x,1\nc,x,1\ne,xylo,5\n")
    first = release.publish(hub.settings, "resource.things", None, ("id",)).snapshot
    hub.deliver(HEAD + "a,x,1\nb,x,7\nd,x,1\ne,xenon,5\n")
    return first, release.publish(hub.settings, "resource.things", first, ("id",)).snapshot


def test_counts_and_rows_of_the_whole_table(hub: Hub, ends: tuple[int, int]) -> None:
    told = release.compare(hub.settings, WHOLE, ("id",), *ends)
    assert told.difference == release.difference(hub.settings, "resource.things", *ends, ("id",))
    assert told.difference == release.Difference(added=1, changed=2, removed=1)
    assert told.changed == ((("b", "x", 1), ("b", "x", 7)), (("e", "xylo", 5), ("e", "xenon", 5)))
    assert (told.added, told.removed) == ((("d", "x", 1),), (("c", "x", 1),))
    assert release.compare(hub.settings, WHOLE, ("id",), ends[0], ends[0]).difference == release.Difference(0, 0, 0)


def test_what_a_mask_hides_is_no_difference(hub: Hub, ends: tuple[int, int]) -> None:
    cut = View("things", "resource", ("id", "name", "amount"), {"name": Mask("truncate", 1), "amount": Mask("null")})
    told = release.compare(hub.settings, cut, ("id",), *ends)
    assert told.difference == release.Difference(added=1, changed=0, removed=1)
    assert told.added == (("d", "x", None),)


def test_rows_and_items_outside_the_view_are_neither_shown_nor_counted(hub: Hub, ends: tuple[int, int]) -> None:
    told = release.compare(hub.settings, View("things", "resource", ("id",), row_filter="id <> 'c'"), ("id",), *ends)
    assert told.difference == release.Difference(added=1, changed=0, removed=0)
    assert (told.items, told.removed) == (("id",), ())
    entering = View("things", "resource", ("id", "amount"), row_filter="amount > 5")
    assert release.compare(hub.settings, entering, ("id",), *ends).added == (("b", 7),)


def test_versions_without_a_common_key_are_not_compared(hub: Hub, ends: tuple[int, int]) -> None:
    with pytest.raises(ItemMissing):
        release.compare(hub.settings, View("things", "resource", ("name", "amount")), ("id",), *ends)


def test_examples_are_few_and_the_counts_whole(hub: Hub, ends: tuple[int, int]) -> None:
    for examples, shown in ((3, (2, 1, 0)), (4, (2, 1, 1)), (2, (2, 0, 0))):
        told = release.compare(hub.settings, WHOLE, ("id",), *ends, examples=examples)
        assert (len(told.changed), len(told.removed), len(told.added)) == shown
        assert told.difference.added == 1
