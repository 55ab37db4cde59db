"""Rows that are no records, and loads without any value."""

from __future__ import annotations

from contracts.deliveries import Answers
from contracts.model import BatchRules, Delivery, Item, Type
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import deliver as ingest


def test_rows_without_any_value_are_refused(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    done = hub.deliver("其他,列\n1,2\n3,4\n")
    assert (done.outcome.state, done.outcome.accepted) == ("refused", 0)
    assert [check["rule"] for check in done.outcome.checks if not check["passed"] and check["rule"] == "empty"]


class TestNilReturns:
    """A header and no rows: asked once, then a nil return is a nil return."""

    def test_it_is_held_and_answered(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.APPEND))
        hub.deliver("编号,名称,数量\nA1,x,1\n")
        held = hub.deliver("编号,名称,数量\n")
        assert (held.outcome.state, held.outcome.questions[0]["about"]) == ("held", "nil")
        assert held.outcome.questions[0]["choices"][0]["args"] == ["--nil"]
        answers = Answers.of(held.outcome.questions[0]["choices"][0]["answers"])
        made = ingest.answer(hub.settings, hub.ledger, hub.given, held.batch_id, answers, by="steward")
        assert (made.outcome.state, made.outcome.received) == ("loaded", 0)
        assert "零报送" in made.outcome.message
        assert hub.deliver("编号,名称,数量\r\n").outcome.state == "loaded"
        assert len(hub.things()) == 1

    def test_a_contract_that_says_how_many_rows_decides(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.APPEND, batch_rules=BatchRules(min_rows=1)))
        assert hub.deliver("编号,名称,数量\n").outcome.state == "refused"

    def test_a_whole_file_without_rows_takes_nothing_out_in_silence(self, hub: Hub) -> None:
        hub.given.add(thing(Delivery.FULL))
        hub.deliver("编号,名称,数量\nA1,x,1\nA2,y,1\n")
        made = hub.deliver("编号,名称,数量\n", answers=Answers(nil=True))
        assert (made.outcome.state, len(hub.things())) == ("refused", 2)


def test_one_value_is_enough(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    assert hub.deliver("编号,列\n1,2\n,4\n").outcome.state == "loaded"


def test_a_delivery_counts_them_and_is_loaded_whole(hub: Hub) -> None:
    hub.given.add(thing(items=(Item("people", "人口", Type.INTEGER),)))
    rows = "".join(f"A{n},第{n}镇,{n},{n}\n" for n in range(5))
    whole = hub.deliver("编号,名称,数量,人口\n" + rows + ",合计,10,10\n填表人：张三,,,\n").outcome
    assert (whole.state, whole.received, whole.accepted, whole.quarantined) == ("loaded", 7, 5, 2)
    assert {fault.rule for fault in whole.faults} == {"total", "note"}
    wrong = hub.deliver("编号,名称,数量,人口\n" + rows + ",合计,10,11\n").outcome
    assert (wrong.state, wrong.accepted, [fault.value for fault in wrong.faults]) == ("partial", 5, ["合计 人口 11 ≠ 10"])


def test_a_delivery_of_damaged_text_is_refused(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    lost = hub.deliver("编号,名称,数量\n" + "".join(f"A{n},锟斤拷锟斤拷,{n}\n" for n in range(9))).outcome
    assert (lost.state, lost.accepted) == ("refused", 0)
    assert [check["rule"] for check in lost.checks if not check["passed"]] == ["damage"]
    assert "锟斤拷" in lost.message
    assert "as UTF-8" in lost.message_en


def test_a_few_damaged_cells_of_a_delivery_are_told(hub: Hub) -> None:
    hub.given.add(thing(Delivery.APPEND))
    rows = "".join(f"A{n},第{n}化工厂,{n}\n" for n in range(9))
    few = hub.deliver("编号,名称,数量\n" + rows + "A9,锟斤拷厂,9\n").outcome
    assert (few.state, few.accepted) == ("loaded", 10)
    assert [check["passed"] for check in few.checks if check["rule"] == "damage"] == [True]
