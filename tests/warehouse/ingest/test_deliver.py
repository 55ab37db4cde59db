"""What a delivery means: append, changes, full; repeats, uniqueness, versions; counts that always add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.deliveries import Answers, Outcome
from contracts.model import BatchRules, Delivery, Item, RowRule, Type
from tests.warehouse.conftest import READING, Hub, thing
from warehouse.ingest import quarantine
from warehouse.storage.landing import FileUnreadable

HEAD = "编号,名称,数量\n"


def counts(outcome: Outcome) -> tuple[int, ...]:
    """received, accepted, quarantined, inserted, updated, unchanged, removed; and they add up."""
    assert outcome.received == outcome.accepted + outcome.quarantined
    assert outcome.accepted == outcome.inserted + outcome.updated + outcome.unchanged
    return (
        outcome.received,
        outcome.accepted,
        outcome.quarantined,
        outcome.inserted,
        outcome.updated,
        outcome.unchanged,
        outcome.removed,
    )


class TestChanges:
    def test_a_key_that_exists_is_an_update(self, hub: Hub) -> None:
        hub.given.add(thing())
        assert counts(hub.deliver(HEAD + "a,x,1\nb,y,2\n").outcome) == (2, 2, 0, 2, 0, 0, 0)
        assert counts(hub.deliver(HEAD + "b,z,2\nc,w,3\na,x,1\n").outcome) == (3, 3, 0, 1, 1, 1, 0)
        assert hub.things() == [("a", "x", 1), ("b", "z", 2), ("c", "w", 3)]

    def test_rows_keep_where_they_came_from(self, hub: Hub) -> None:
        hub.given.add(thing())
        first, second = hub.deliver(HEAD + "a,x,1\nb,y,2\n"), hub.deliver(HEAD + "c,w,3\nb,z,2\n")
        rows = hub.sql("SELECT id, _batch, _row FROM resource.things ORDER BY id")
        assert rows == [("a", first.batch_id, 1), ("b", second.batch_id, 2), ("c", second.batch_id, 1)]

    def test_identical_repeats_keep_the_first_and_contradictions_are_all_quarantined(self, hub: Hub) -> None:
        hub.given.add(thing())
        outcome = hub.deliver(HEAD + "a,x,1\na,x,1\nb,y,2\nb,y,3\nc,z,4\n").outcome
        assert counts(outcome) == (5, 3, 2, 2, 0, 1, 0)
        assert hub.things() == [("a", "x", 1), ("c", "z", 4)]
        assert [(f.rule, f.item, f.rows) for f in outcome.faults] == [("key", "id", 2)]

    def test_the_same_file_again_is_no_delivery(self, hub: Hub) -> None:
        hub.given.add(thing())
        first = hub.deliver(HEAD + "a,x,1\n")
        again = hub.deliver(HEAD + "a,x,1\n")
        assert (again.no_op, again.batch_id) == (True, first.batch_id)
        assert len(hub.ledger.history("things")) == 1

    def test_a_b_a_are_three_deliveries(self, hub: Hub) -> None:
        hub.given.add(thing())
        batches = {hub.deliver(HEAD + line).batch_id for line in ("a,x,1\n", "a,y,2\n")}
        third = hub.deliver(HEAD + "a,x,1\n", answers=Answers(again=True))
        assert not third.no_op
        assert third.batch_id not in batches
        assert hub.things() == [("a", "x", 1)]

    def test_a_mended_contract_may_check_old_bytes_again(self, hub: Hub) -> None:
        hub.given.add(thing())
        assert hub.deliver(HEAD + "a,x,-1\n").outcome.quarantined == 1
        mended = thing(version="1.0.1")
        hub.given.add(replace(mended, items=tuple(replace(i, minimum=None) for i in mended.items)))
        assert counts(hub.deliver(HEAD + "a,x,-1\n").outcome) == (1, 1, 0, 1, 0, 0, 0)

    def test_a_late_file_does_not_overwrite_newer_values(self, hub: Hub) -> None:
        hub.given.add(thing(version_by="amount"))
        hub.deliver(HEAD + "a,new,5\nb,new,5\nc,new,5\n")
        assert counts(hub.deliver(HEAD + "a,late,4\nb,same,5\nc,,\n").outcome) == (3, 3, 0, 0, 1, 2, 0)
        assert hub.things() == [("a", "new", 5), ("b", "same", 5), ("c", "new", 5)]

    def test_empty_values_are_compared_too(self, hub: Hub) -> None:
        hub.given.add(thing())
        hub.deliver(HEAD + "a,,\nb,x,\n")
        assert counts(hub.deliver(HEAD + "a,,\nb,,\n").outcome) == (2, 2, 0, 0, 1, 1, 0)

    def test_every_row_changed(self, hub: Hub) -> None:
        hub.given.add(thing())
        hub.deliver(HEAD + "".join(f"k{n},x,{n}\n" for n in range(500)))
        outcome = hub.deliver(HEAD + "".join(f"k{n},y,{n}\n" for n in range(500))).outcome
        assert counts(outcome) == (500, 500, 0, 0, 500, 0, 0)
        assert hub.sql("SELECT count(*), count(DISTINCT id), min(name) FROM resource.things") == [(500, 500, "y")]

    def test_keys_of_several_items(self, hub: Hub) -> None:
        contract = thing()
        items = tuple(replace(i, key=n + 1, required=True) if n < 2 else i for n, i in enumerate(contract.items))
        hub.given.add(replace(contract, items=items))
        hub.deliver(HEAD + "a,x,1\na,y,2\n")
        assert counts(hub.deliver(HEAD + "a,x,9\nb,x,3\nb,,3\n").outcome) == (3, 2, 1, 1, 1, 0, 0)
        assert hub.things() == [("a", "x", 9), ("a", "y", 2), ("b", "x", 3)]


class TestFull:
    def test_missing_keys_are_removed(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.FULL, batch_rules=BatchRules(vanish_share=0.5)))
        hub.deliver(HEAD + "a,x,1\nb,y,2\nc,z,3\n")
        assert counts(hub.deliver(HEAD + "a,x,1\nb,w,2\nd,v,4\n").outcome) == (3, 3, 0, 1, 1, 1, 1)
        assert hub.things() == [("a", "x", 1), ("b", "w", 2), ("d", "v", 4)]

    def test_refused_when_too_many_would_vanish(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.FULL))
        hub.deliver(HEAD + "a,x,1\nb,y,2\nc,z,3\n")
        outcome = hub.deliver(HEAD + "a,x,1\n").outcome
        assert (outcome.state, counts(outcome)) == ("refused", (1, 0, 1, 0, 0, 0, 0))
        assert "66.7%" in outcome.message
        assert len(hub.things()) == 3

    def test_a_quarantined_row_is_not_missing(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.FULL))
        hub.deliver(HEAD + "a,x,1\nb,y,2\nccc,z,3\n")
        assert counts(hub.deliver(HEAD + "a,x,1\nb,y,-2\nccc,z\n").outcome) == (3, 1, 2, 0, 0, 1, 0)
        assert hub.things() == [("a", "x", 1), ("b", "y", 2), ("ccc", "z", 3)]


class TestAppend:
    def test_every_row_is_kept(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.APPEND))
        assert counts(hub.deliver(HEAD + "a,x,1\na,x,1\n").outcome) == (2, 2, 0, 2, 0, 0, 0)
        assert counts(hub.deliver(HEAD + "a,x,1\n").outcome) == (1, 1, 0, 1, 0, 0, 0)
        assert hub.things() == [("a", "x", 1)] * 3

    def test_unique_values_inside_a_batch_and_against_the_table(self, hub: Hub) -> None:
        contract = thing(Delivery.APPEND)
        items = (replace(contract.items[0], unique=True), *contract.items[1:])
        hub.given.add(replace(contract, items=items))
        assert counts(hub.deliver(HEAD + "a,x,1\na,x,1\nb,y,1\nb,y,2\n,n,0\n,n,0\n").outcome) == (6, 4, 2, 3, 0, 1, 0)
        outcome = hub.deliver(HEAD + "a,x,1\nc,z,1\na,other,1\nd,d,1\n").outcome
        assert counts(outcome) == (4, 2, 2, 2, 0, 0, 0)
        assert counts(hub.deliver(HEAD + "a,x,1\ne,e,1\nc,other,1\n").outcome) == (3, 2, 1, 1, 0, 1, 0)
        assert [row[0] for row in hub.things()] == ["a", "c", "d", "e", None, None]


class TestUnique:
    def contract(self, hub: Hub) -> None:
        contract = thing()
        hub.given.add(replace(contract, items=(contract.items[0], replace(contract.items[1], unique=True), contract.items[2])))

    def test_within_a_delivery(self, hub: Hub) -> None:
        self.contract(hub)
        assert counts(hub.deliver(HEAD + "a,x,1\nb,x,2\nc,y,3\nd,,4\ne,,5\n").outcome) == (5, 3, 2, 3, 0, 0, 0)

    def test_against_the_state_after_the_load(self, hub: Hub) -> None:
        self.contract(hub)
        hub.deliver(HEAD + "a,x,1\nb,y,2\n")
        assert counts(hub.deliver(HEAD + "a,y,1\nb,x,2\n").outcome) == (2, 2, 0, 0, 2, 0, 0)
        assert hub.things() == [("a", "y", 1), ("b", "x", 2)]
        outcome = hub.deliver(HEAD + "c,x,3\nd,w,4\n").outcome
        assert counts(outcome) == (2, 1, 1, 1, 0, 0, 0)
        assert [(f.rule, f.item, f.value) for f in outcome.faults] == [("unique", "name", "x")]

    def test_a_row_taken_out_may_take_out_another(self, hub: Hub) -> None:
        """c wants x, a keeps it because its own change collides with b: both stay out."""
        self.contract(hub)
        hub.deliver(HEAD + "a,x,1\nb,y,2\n")
        assert counts(hub.deliver(HEAD + "a,y,1\nc,x,3\n").outcome) == (2, 0, 2, 0, 0, 0, 0)
        assert hub.things() == [("a", "x", 1), ("b", "y", 2)]


class TestWholeBatch:
    def test_a_missing_required_column_refuses(self, hub: Hub) -> None:
        hub.given.add(thing())
        outcome = hub.deliver("名称,数量\nx,1\ny,2\n").outcome
        assert (outcome.state, outcome.received, outcome.quarantined) == ("refused", 2, 2)
        assert "编号" in outcome.message

    def test_a_missing_optional_column_is_empty_and_an_extra_one_is_noted(self, hub: Hub) -> None:
        hub.given.add(thing())
        outcome = hub.deliver("编号,数量,备注\na,1,hello\nb,-1,hello\n").outcome
        assert outcome.state == "partial"
        assert [(check["rule"], check["passed"]) for check in outcome.checks] == [("columns", True), ("columns", True)]
        assert hub.things() == [("a", None, 1)]
        (row,) = quarantine.rows(hub.settings, hub.ledger.history("things")[0].batch_id)
        assert row.values == {"编号": "b", "数量": "-1", "备注": "hello"}

    def test_an_extra_column_refuses_where_the_contract_says_so(self, hub: Hub) -> None:
        hub.given.add(thing(reading={**READING, "extraColumns": "refuse"}))
        assert hub.deliver("编号,名称,数量,备注\na,x,1,n\n").outcome.state == "refused"

    def test_row_count(self, hub: Hub) -> None:
        hub.given.add(thing(batch_rules=BatchRules(min_rows=2, max_rows=3)))
        assert hub.deliver(HEAD + "a,x,1\n").outcome.state == "refused"
        assert hub.deliver(HEAD + "a,x,1\nb,x,1\n").outcome.state == "loaded"

    def test_quarantine_share_returns_the_batch_with_its_rows(self, hub: Hub) -> None:
        hub.given.add(thing(batch_rules=BatchRules(quarantine_share=0.4)))
        delivered = hub.deliver(HEAD + "a,x,1\nb,x,-1\n")
        assert (delivered.outcome.state, counts(delivered.outcome)) == ("returned", (2, 0, 2, 0, 0, 0, 0))
        assert hub.things() == hub.things(library="raw") == []
        assert [row.row for row in quarantine.rows(hub.settings, delivered.batch_id)] == [2]

    def test_freshness(self, hub: Hub) -> None:
        day = Item("day", "日期", Type.DATE)
        rules = BatchRules(freshness_item="day", freshness=timedelta(days=30))
        hub.given.add(thing(items=(day,), batch_rules=rules))
        assert hub.deliver("编号,名称,数量,日期\na,x,1,2001-01-01\n").outcome.state == "refused"

    def test_an_unreadable_file_is_refused_not_lost(self, hub: Hub) -> None:
        hub.given.add(thing())
        assert hub.deliver(b"").outcome.state == "refused"

    def test_no_file_is_an_error(self, hub: Hub) -> None:
        from warehouse.ingest import deliver as ingest

        hub.given.add(thing())
        with pytest.raises(FileUnreadable):
            ingest.deliver(hub.settings, hub.ledger, hub.given, hub.folder / "none", dataset="things", received_by="test")

    def test_header_only(self, hub: Hub) -> None:
        hub.given.add(thing())
        outcome = hub.deliver(HEAD).outcome
        assert (outcome.state, counts(outcome)) == ("held", (0,) * 7)  # asked once: a nil return, or a template?


class TestFaults:
    def test_each_fault_is_told_with_row_item_rule_value_and_both_messages(self, hub: Hub) -> None:
        rule = RowRule(
            "name_first", "name IS NOT NULL OR amount IS NULL", ("name", "amount"), "有数量须有名称", "An amount needs a name"
        )
        hub.given.add(thing(row_rules=(rule,)))
        delivered = hub.deliver(HEAD + "a,x,1\n,y,2\nc,,x3\nd,,4\ne,z,12.5\n")
        told = [
            (r.row, sorted((f.rule, f.item, f.value) for f in r.faults))
            for r in quarantine.rows(hub.settings, delivered.batch_id)
        ]
        assert told == [
            (2, [("required", "id", None)]),
            (3, [("type", "amount", "x3")]),
            (4, [("row:name_first", "", "name = ∅, amount = 4")]),
            (5, [("type", "amount", "12.5")]),
        ]
        assert counts(delivered.outcome) == (5, 1, 4, 1, 0, 0, 0)
        for row in quarantine.rows(hub.settings, delivered.batch_id):
            assert all(fault.message and fault.message_en for fault in row.faults)

    def test_broken_lines_are_received_and_quarantined(self, hub: Hub) -> None:
        hub.given.add(thing())
        data = (HEAD + 'a,x,1\nb,"open,2\nc,z,3\nd,y\ne,').encode() + b"\xff,5\nf,w,6\n"
        delivered = hub.deliver(data)
        assert counts(delivered.outcome) == (6, 3, 3, 3, 0, 0, 0)
        told = [(r.row, r.line, r.faults[0].rule) for r in quarantine.rows(hub.settings, delivered.batch_id)]
        assert told == [(2, 'b,"open,2', "quotes"), (4, "d,y", "columns"), (5, "e,\\xff,5", "encoding")]
        assert hub.sql("SELECT id, _row FROM resource.things ORDER BY id") == [("a", 1), ("c", 3), ("f", 6)]

    def test_references(self, hub: Hub) -> None:
        hub.given.add(thing(dataset="others"))
        hub.given.add(thing(items=(Item("other", "引用", Type.STRING, references=("others", "id")),)))
        head = "编号,名称,数量,引用\n"
        assert hub.deliver(head + "a,x,1,k\n").outcome.quarantined == 1
        hub.deliver(HEAD + "k,x,1\n", dataset="others")
        outcome = hub.deliver(head + "a,x,1,k\nb,x,1,m\nc,x,1,\n").outcome
        assert counts(outcome) == (3, 2, 1, 2, 0, 0, 0)
        assert [(f.rule, f.item, f.value) for f in outcome.faults] == [("reference", "other", "m")]

    def test_quality_has_a_line_for_every_check(self, hub: Hub) -> None:
        hub.given.add(thing())
        outcome = hub.deliver(HEAD + "a,x,1\nb,x,-1\n").outcome
        assert {(q["rule"], q["item"], q["rows"], q["failed"]) for q in outcome.quality} == {
            ("required", "id", 2, 0),
            ("type", "amount", 2, 0),
            ("minimum", "amount", 2, 1),
            ("key", "id", 2, 0),
        }

    def test_mostly_faulty_batches_keep_their_good_rows(self, hub: Hub) -> None:
        hub.given.add(thing())
        delivered = hub.deliver(HEAD + "a,x,1\n" + "".join(f"b{n},x,-1\n" for n in range(9)))
        assert counts(delivered.outcome) == (10, 1, 9, 1, 0, 0, 0)
        assert hub.sql("SELECT id, _row FROM raw.things") == [("a", 1)]
        assert quarantine.total(hub.settings, delivered.batch_id) == 9


def test_more_checks_than_bits(hub: Hub) -> None:
    items = tuple(Item(f"n{n}", f"数{n}", Type.INTEGER, minimum="0", maximum="9") for n in range(60))
    hub.given.add(thing(items=items))
    head = "编号,名称,数量," + ",".join(f"数{n}" for n in range(60)) + "\n"
    good, bad = ",".join("1" * 60), ",".join("9" * 59) + ",10"
    delivered = hub.deliver(head + f"a,x,1,{good}\nb,x,1,{bad}\n")
    assert counts(delivered.outcome) == (2, 1, 1, 1, 0, 0, 0)
    (row,) = quarantine.rows(hub.settings, delivered.batch_id)
    assert [(fault.rule, fault.item, fault.value) for fault in row.faults] == [("maximum", "n59", "10")]


def test_an_additive_contract_version_alters_the_tables(hub: Hub) -> None:
    hub.given.add(thing())
    hub.deliver(HEAD + "a,x,1\n")
    hub.given.add(thing(version="1.1.0", items=(Item("note", "备注", Type.STRING),)))
    hub.deliver("编号,名称,数量,备注\nb,y,2,new\n")
    assert hub.things() == [("a", "x", 1, None), ("b", "y", 2, "new")]
