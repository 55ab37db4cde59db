"""Corrections are counted row by row: what is not mended stays open; one of which nothing gets in changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalog.deliveries import batches
from catalog.deliveries.batches import Batch
from catalog.store import database
from contracts.model import BatchRules, Delivery
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import quarantine

HEAD = "编号,名称,数量\n"
FAULTY = HEAD + "".join(f"k{n:03d},x{n},{'坏' if n < 20 else n}\n" for n in range(200))


def batch(hub: Hub, number: str) -> Batch:
    with database.session(hub.settings.catalog_database) as session:
        return batches.get(session, number)


def first(hub: Hub) -> str:
    made = hub.deliver(FAULTY)
    assert (made.outcome.state, made.outcome.quarantined) == ("partial", 20)
    return made.batch_id


def exported(hub: Hub, number: str, keep: int) -> str:
    """The export of a batch's quarantine with its first rows mended, the others left as they are."""
    target = Path(hub.folder / "out.csv")
    quarantine.export(hub.settings, number, hub.given.contract("things"), target)
    head, *rows = target.read_text("utf-8-sig").splitlines(keepends=True)
    return head + "".join(row.replace("坏", "7", 1) if n < keep else row for n, row in enumerate(rows))


def test_one_of_twenty_leaves_nineteen_open(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    hub.deliver(HEAD + "k003,x3,3\n", corrects=number)
    assert (batch(hub, number).state, batch(hub, number).open_rows) == ("partial", 19)
    assert batch(hub, number).waits


def test_by_the_row_numbers_of_the_export_whatever_else_changed(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    hub.deliver(exported(hub, number, 5).replace("k000", "q000"), corrects=number)
    assert batch(hub, number).open_rows == 15
    rest = exported(hub, number, 20)
    assert hub.deliver(rest, corrects=number).outcome.accepted == 20
    assert (batch(hub, number).state, batch(hub, number).open_rows) == ("corrected", 0)


def test_the_same_row_mended_twice_counts_once(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    hub.deliver(HEAD + "k003,x3,3\n", corrects=number)
    hub.deliver(HEAD + "k003,x3,4\nk004,x4,4\n", corrects=number)
    assert batch(hub, number).open_rows == 18


def test_rows_that_were_never_in_quarantine_mend_nothing(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    hub.deliver(HEAD + "".join(f"k{n:03d},x{n},{n}\n" for n in range(15, 60)), corrects=number)
    assert batch(hub, number).open_rows == 15


def test_without_a_key_each_new_row_mends_one(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    number = first(hub)
    hub.deliver(HEAD + "a,b,1\nk150,x150,150\n", corrects=number)
    assert batch(hub, number).open_rows == 19


def test_a_correction_of_a_correction_mends_the_first_one_too(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    second = hub.deliver(exported(hub, number, 12), corrects=number)
    assert (second.outcome.quarantined, batch(hub, number).open_rows) == (8, 8)
    hub.deliver(exported(hub, second.batch_id, 8), corrects=second.batch_id)
    assert (batch(hub, second.batch_id).open_rows, batch(hub, number).open_rows) == (0, 0)
    assert batch(hub, number).state == "corrected"


def test_an_unusable_correction_changes_nothing(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    for unusable in (b"\x00\x01\x02 no table", (HEAD + "k003,x3,坏\n").encode(), "别的,列\n1,2\n".encode()):
        made = hub.deliver(unusable, corrects=number)
        assert made.outcome.state in ("refused", "returned")
        assert not batch(hub, made.batch_id).waits
    assert (batch(hub, number).state, batch(hub, number).open_rows, batch(hub, number).waits) == ("partial", 20, True)
    hub.deliver(exported(hub, number, 20), corrects=number)
    assert batch(hub, number).state == "corrected"


def test_undone_again_its_rows_are_open_again(hub: Hub) -> None:
    hub.given.add(thing())
    number = first(hub)
    made = hub.deliver(exported(hub, number, 20), corrects=number)
    assert batch(hub, number).state == "corrected"
    hub.undo(made.batch_id)
    assert (batch(hub, number).state, batch(hub, number).open_rows) == ("partial", 20)


def test_a_returned_delivery_waits_until_all_of_it_came(hub: Hub) -> None:
    contract = thing()
    hub.given.add(replace(contract, batch_rules=BatchRules(quarantine_share=0.05)))
    made = hub.deliver(FAULTY)
    assert made.outcome.state == "returned"
    hub.deliver(HEAD + "k003,x3,3\n", corrects=made.batch_id)
    assert (batch(hub, made.batch_id).open_rows, batch(hub, made.batch_id).waits) == (199, True)
    hub.deliver(FAULTY.replace("坏", "1"), corrects=made.batch_id)
    assert not batch(hub, made.batch_id).waits
