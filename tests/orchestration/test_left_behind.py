"""What a killed process had committed to the lake, and not told the catalogue, is told by the next run; nothing is twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.deliveries.batches import Batch
from catalog.ledger import CatalogLedger
from hub.hub import Hub
from tests.orchestration.conftest import drop, turn
from warehouse.storage.connection import reader


class Killed(BaseException):
    """Nobody catches it."""


@pytest.mark.parametrize("since", [(), ("meter",), ("meter", "well")], ids=["nothing", "one load", "two loads"])
def test_a_batch_of_which_the_catalogue_was_not_told(
    stocked: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch, since: tuple[str, ...]
) -> None:
    def killed(*_: Any) -> None:
        raise Killed

    drop(inbox / "station", "a.csv", "S1,1", "S2,2", "S3,-1")
    with monkeypatch.context() as patched:
        patched.setattr(CatalogLedger, "settle", killed)
        with pytest.raises(Killed):
            turn(stocked, "station")
    for name in since:  # the newest word of both, on which they agree, is of another batch then
        drop(inbox / name, "a.csv", "S1,1")
        assert turn(stocked, name).trouble == []
    assert turn(stocked, "station").trouble == []
    with stocked.session() as session:
        batch = session.exec(select(Batch).where(Batch.dataset == "station")).one()
        assert (batch.state, batch.accepted, batch.quarantined) == ("partial", 2, 1)
    with reader(stocked.settings) as lake:
        counts = [
            lake.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("raw.station", "resource.station", "quarantine.rows", "quarantine.faults")
        ]
    assert counts == [(2,), (2,), (1,), (1,)]
    drop(inbox / "station", "b.csv", "S4,4")
    assert turn(stocked, "station").trouble == []
