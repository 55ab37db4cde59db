"""A batch that waits or is stuck is put aside without opening its bytes again; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.clock import now
from contracts.deliveries import Receipt
from tests.warehouse.conftest import Hub, thing
from warehouse.foreign import door
from warehouse.ingest import acts, discard, passing, process
from warehouse.storage import landing

HEAD = "编号,名称,数量\n"


def waiting(hub: Hub, text: str) -> str:
    """A delivery whose process died after its receipt."""
    landed = landing.land(hub.settings, hub.file(text))
    receipt = Receipt("things", "1.0.0", landed.sha256, landed.bytes, "stuck.csv", now(), "test")
    return hub.ledger.receive(receipt).batch_id


def test_a_stuck_batch_is_out_of_the_way_and_stays_on_record(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.given.add(thing())
    batch = waiting(hub, HEAD + "stuck,x,1\n")
    with monkeypatch.context() as never:
        never.setattr(door, "run", lambda *_a, **_k: pytest.fail("its bytes were opened again"))
        outcome = discard.discard(hub.settings, hub.ledger, batch, "读取器每次都中止")
        assert hub.reconcile() == []
    assert outcome.state == hub.ledger.entry(batch).state == "discarded"
    assert outcome.reason == "读取器每次都中止"
    assert landing.verify(hub.settings, hub.ledger.entry(batch).receipt.sha256)
    hub.deliver(HEAD + "a,x,1\n")
    assert hub.things() == [("a", "x", 1)]


def test_a_settled_batch_is_no_matter_of_discarding(hub: Hub) -> None:
    hub.given.add(thing())
    loaded = hub.deliver(HEAD + "a,x,1\n").batch_id
    with pytest.raises(discard.NothingToDiscard, match="hub batch undo"):
        discard.discard(hub.settings, hub.ledger, loaded, "x")
    assert hub.things() == [("a", "x", 1)]


def test_a_batch_whose_rows_the_lake_has_is_not_discarded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between lake and catalogue: the lake wins, and discarding says so instead of hiding rows that are there."""
    hub.given.add(thing())

    def killed(*_told: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(process, "reach", lambda point: killed() if point == "commit-after" else None)
        with pytest.raises(KeyboardInterrupt):
            hub.deliver(HEAD + "a,x,1\n")
    (entry,) = hub.ledger.unsettled()
    with pytest.raises(discard.NothingToDiscard, match="reconcile"):
        discard.discard(hub.settings, hub.ledger, entry.batch_id, "x")
    assert [made.how for made in hub.reconcile()] == ["told"]
    assert hub.things() == [("a", "x", 1)]


def test_a_refused_batch_is_put_aside_with_its_counts_and_cannot_be_let_pass_any_more(hub: Hub) -> None:
    hub.given.add(thing())
    refused = hub.deliver(HEAD + "a,x,y\n").batch_id
    before = hub.ledger.entry(refused)
    assert before.state in ("refused", "returned")
    discard.discard(hub.settings, hub.ledger, refused, "测试文件")
    after = hub.ledger.entry(refused)
    assert (after.state, after.received, after.quarantined) == ("discarded", before.received, before.quarantined)
    with pytest.raises(passing.NotPassable):
        passing.let_pass(hub.settings, hub.ledger, hub.given, refused, "x", by="test")
    with pytest.raises(discard.NothingToDiscard):
        discard.discard(hub.settings, hub.ledger, refused, "x")
    assert hub.reconcile() == []


def test_a_reason_holds_no_character_that_a_database_refuses(hub: Hub) -> None:
    """PostgreSQL takes no NUL, UTF-8 no half characters."""
    hub.given.add(thing())
    batch = waiting(hub, HEAD + "a,x,1\n")
    outcome = acts.DISCARD.do(hub.settings, hub.ledger, hub.given, batch, "测试\0\udc92文件", by="test")
    assert outcome.reason == "测试文件"


def test_no_act_without_a_reason(hub: Hub) -> None:
    for act in acts.ACTS.values():
        with pytest.raises(acts.ReasonMissing):
            act.do(hub.settings, hub.ledger, hub.given, "20260101-0001", " \n\0", by="test")
