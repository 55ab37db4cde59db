"""Quarantine exported, mended, delivered again; datasets made anew from landing."""

from __future__ import annotations

import csv
from dataclasses import replace

import openpyxl
import pytest

from contracts.model import Delivery, Item, Type
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import quarantine, rebuild
from warehouse.readers.column_match import REASONS

HEAD = "编号,名称,数量\n"


@pytest.mark.parametrize("delivery", [Delivery.CHANGES, Delivery.FULL])
def test_exported_mended_and_delivered_again(hub: Hub, delivery: Delivery) -> None:
    contract = hub.given.add(thing(delivery))
    first = hub.deliver(HEAD + "a,x,1\nb,=1+1,-2\nc,-3,x\nd,y\n")
    assert first.outcome.quarantined == 3
    target = hub.folder / "mend.csv"
    assert quarantine.export(hub.settings, first.batch_id, contract, target) == 3
    lines = list(csv.DictReader(target.open(encoding="utf-8-sig")))
    assert [line["名称"] for line in lines] == ["'=1+1", "-3", ""]
    assert all(line[REASONS] for line in lines)
    lines[0]["数量"], lines[1]["数量"] = "2", "3"
    lines[2] |= {"编号": "d", "名称": "y", "数量": "4"}
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    mended = hub.deliver(target.read_bytes(), corrects=first.batch_id)
    assert (mended.outcome.state, mended.outcome.inserted, mended.outcome.removed) == ("loaded", 3, 0)
    assert hub.things() == [("a", "x", 1), ("b", "=1+1", 2), ("c", "-3", 3), ("d", "y", 4)]
    assert hub.ledger.entry(first.batch_id).state == "corrected"
    hub.undo(mended.batch_id)
    assert hub.things() == [("a", "x", 1)]


def test_exported_as_a_workbook(hub: Hub) -> None:
    contract = hub.given.add(thing())
    first = hub.deliver(HEAD + "b,=cmd,-2\n")
    target = hub.folder / "mend.xlsx"
    assert quarantine.export(hub.settings, first.batch_id, contract, target, kind="xlsx") == 1
    sheet = openpyxl.load_workbook(target).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][:3] == ["b", "'=cmd", "-2"]
    assert all(cell.data_type == "s" for cell in sheet[2])


def test_a_workbook_marks_each_cell_at_fault_and_offers_the_codes(hub: Hub) -> None:
    """At 4481aa4 it came back bare: no comment, no colour, no list."""
    contract = thing()
    items = (*contract.items[:1], replace(contract.items[1], values=("x", "y")), *contract.items[2:])
    contract = hub.given.add(replace(contract, items=items))
    first = hub.deliver(HEAD + "a,x,1\nb,z,-2\nc,y,x\n")
    target = hub.folder / "mend.xlsx"
    assert quarantine.export(hub.settings, first.batch_id, contract, target, kind="xlsx") == 2
    sheet = openpyxl.load_workbook(target).active
    assert sheet is not None
    marked = {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment}
    assert marked == {"B2", "C2", "C3"}
    assert sheet["C3"].comment is not None
    assert "数量" in sheet["C3"].comment.text
    assert sheet["A2"].fill.fgColor.rgb != sheet["B2"].fill.fgColor.rgb == "FFF8D7DA"
    [asked] = sheet.data_validations.dataValidation
    assert (str(asked.sqref), asked.formula1) == ("B2:B3", '"x,y"')
    mended = hub.deliver(target.read_bytes(), filename="mend.xlsx", corrects=first.batch_id)
    assert mended.outcome.accepted == 0, "as it is it mends nothing"


def test_pages_and_filters(hub: Hub) -> None:
    hub.given.add(thing())
    batch = hub.deliver(HEAD + "".join(f"k{n},x,{'-1' if n % 2 else 'x'}\n" for n in range(10))).batch_id
    assert [row.row for row in quarantine.rows(hub.settings, batch, rule="minimum", limit=2, offset=1)] == [4, 6]
    assert [row.row for row in quarantine.rows(hub.settings, batch, item="amount", limit=3)] == [1, 2, 3]


def test_a_breaking_version_is_built_anew_from_landing(hub: Hub) -> None:
    hub.given.add(thing())
    first = hub.deliver(HEAD + "a,x,1\nb,12.5,2\n")
    hub.deliver(HEAD + "b,7,2\nc,y,3\n")
    contract = thing(version="2.0.0")
    number = Item("name", "名称", Type.NUMBER)
    hub.given.add(replace(contract, items=(contract.items[0], number, contract.items[2])))
    told = dict(rebuild.rebuild(hub.settings, hub.ledger, hub.given, "things"))
    assert (told[first.batch_id].accepted, told[first.batch_id].quarantined) == (1, 1)
    assert hub.things() == [("b", 7.0, 2)]
    assert hub.ledger.entry(first.batch_id).accepted == 1
    assert quarantine.total(hub.settings, first.batch_id) == 1
    assert hub.sql(f"SELECT name FROM resource.things AT (VERSION => {first.outcome.snapshot}) ORDER BY id") == [
        ("x",),
        ("12.5",),
    ]
    assert hub.deliver(HEAD + "b,8,2\n").outcome.updated == 1


def test_an_additive_version_alters(hub: Hub) -> None:
    old = hub.given.add(thing())
    hub.deliver(HEAD + "a,x,1\n")
    new = hub.given.add(thing(version="1.1.0", items=(Item("note", "备注", Type.STRING),)))
    rebuild.migrate(hub.settings, old, new)
    assert hub.things() == [("a", "x", 1, None)]
