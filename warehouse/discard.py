"""A batch that is received but not settled (queued, stuck, in the way of others) put aside for good, with a reason."""

from __future__ import annotations

from contracts.deliveries import Outcome
from contracts.errors import HubError
from warehouse import commit
from warehouse.connection import exists, writer
from warehouse.finish import OPEN
from warehouse.ledger import Ledger
from warehouse.settings import Settings


class NothingToDiscard(HubError):
    """The batch is settled: it is in nobody's way."""


def discard(settings: Settings, ledger: Ledger, batch_id: str, reason: str, *, wait: float = 600) -> Outcome:
    """Settle an open batch as refused without opening its bytes again; they stay in landing, its receipt stays.

    Waits for the writer lock, so that no load is cut in two. A batch whose rows the lake has already is told so instead.
    """
    _require_open(ledger, batch_id)
    if exists(settings):
        with writer(settings, purpose=f"discard {batch_id}", wait=wait) as connection:
            _require_open(ledger, batch_id)
            if any(made.batch_id == batch_id and made.kind == "load" for made in commit.commits(connection)):
                raise NothingToDiscard(
                    f"批次 {batch_id} 的数据已在数据湖中；请先运行 hub batch reconcile，再用 hub batch undo 撤销。",
                    f"The lake holds the rows of batch {batch_id} already; run hub batch reconcile, then hub batch undo.",
                )
            return _settle(ledger, batch_id, reason)
    return _settle(ledger, batch_id, reason)


def _settle(ledger: Ledger, batch_id: str, reason: str) -> Outcome:
    outcome = Outcome(
        state="refused",
        message=f"批次已搁置，未入库：{reason}。原文件和回执保留；改正后请重新报送。",
        message_en=f"The batch was discarded, nothing was loaded: {reason}. Its file and receipt are kept; deliver it anew "
        "once it is mended.",
    )
    ledger.settle(batch_id, outcome)
    return outcome


def _require_open(ledger: Ledger, batch_id: str) -> None:
    state = ledger.entry(batch_id).state
    if state not in OPEN:
        raise NothingToDiscard(
            f"批次 {batch_id} 的状态是 {state}，不在等待处理，无需搁置；已入库的请用 hub batch undo 撤销。",
            f"Batch {batch_id} is {state} and waits for nothing; take a loaded one back with hub batch undo.",
        )
