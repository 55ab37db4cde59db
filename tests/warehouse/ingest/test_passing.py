"""放行: only for a reason, only rules about the whole, only what was refused for them; rows at fault stay in quarantine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.model import BatchRules, Delivery
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import deliver as ingest
from warehouse.ingest import discard, passing, quarantine
from warehouse.ingest.deliver import Delivered

HEAD = "编号,名称,数量\n"
FAULTY = HEAD + "a,x,1\nb,y,坏\nc,z,坏\n"


def let(hub: Hub, number: str, reason: str = "省级核实，如实报送") -> Delivered:
    return passing.let_pass(hub.settings, hub.ledger, hub.given, number, reason, by="steward")


def returned(hub: Hub) -> str:
    hub.given.add(replace(thing(), batch_rules=BatchRules(quarantine_share=0.1)))
    made = hub.deliver(FAULTY)
    assert made.outcome.state == "returned"
    return made.batch_id


def test_not_without_a_reason(hub: Hub) -> None:
    number = returned(hub)
    with pytest.raises(passing.NoReason):
        let(hub, number, "  ")
    assert hub.ledger.entry(number).state == "returned"


def test_not_what_was_loaded_nor_what_lacks_a_column_nor_of_which_no_row_is_good(hub: Hub) -> None:
    hub.given.add(thing())
    for text in (HEAD + "a,x,1\n", "别的\n1\n", HEAD + "b,y,坏\n"):
        with pytest.raises(passing.NotPassable):
            let(hub, hub.deliver(text).batch_id)


def test_one_that_is_put_aside_meanwhile_is_not_said_to_have_passed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.given.add(replace(thing(), batch_rules=BatchRules(min_rows=3)))
    number = hub.deliver(HEAD + "a,x,1\n").batch_id
    writer = ingest.writer

    def late(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(ingest, "writer", writer)
        discard.discard(hub.settings, hub.ledger, number, "已另行报送")
        return writer(*given, **named)

    monkeypatch.setattr(ingest, "writer", late)
    with pytest.raises(passing.NotPassable):
        let(hub, number)
    assert hub.ledger.entry(number).state == "discarded"


def test_a_returned_batch_is_loaded_and_its_faults_stay_in_quarantine_once(hub: Hub) -> None:
    number = returned(hub)
    made = let(hub, number)
    assert (made.outcome.state, made.outcome.accepted, made.outcome.quarantined) == ("partial", 1, 2)
    assert hub.things() == [("a", "x", 1)]
    assert quarantine.total(hub.settings, number) == 2
    waived = next(check for check in made.outcome.checks if check.get("waived"))
    assert "省级核实" in waived["message"]
    assert hub.reconcile() == []
    assert hub.ledger.entry(number).state == "partial"


def test_vanished_keys(hub: Hub) -> None:
    hub.given.add(thing(Delivery.FULL))
    hub.deliver(HEAD + "a,x,1\nb,y,2\nc,z,3\n")
    number = hub.deliver(HEAD + "a,x,1\n").batch_id
    assert let(hub, number).outcome.removed == 2
    assert hub.things() == [("a", "x", 1)]
