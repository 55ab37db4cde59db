"""A batch put aside for good (搁置), with a reason: one that is queued or stuck, waits for an answer, or cannot be read."""

from __future__ import annotations

from contracts.deliveries import Entry, Outcome
from contracts.errors import HubError
from warehouse.ingest.ports import Ledger
from warehouse.ingest.process import OPEN
from warehouse.settings import Settings
from warehouse.storage import commits
from warehouse.storage.connection import exists, writer

WITHOUT_ROWS = ("held", "refused", "returned")
"""States of a batch of which nothing got in."""
DISCARDABLE = (*OPEN, *WITHOUT_ROWS)


class NothingToDiscard(HubError):
    """The batch is settled: it is in nobody's way."""


def discard(settings: Settings, ledger: Ledger, batch_id: str, reason: str, *, wait: float = 600) -> Outcome:
    """Settle a batch of which nothing got in, without opening its bytes again; they stay in landing, its receipt stays.

    Nobody is asked to answer or to mend it any more. Waits for the writer lock, so that no load is cut in two. A batch whose
    rows the lake has already is told so instead.
    """
    entry = _open_entry(ledger, batch_id)
    if exists(settings):
        with writer(settings, purpose=f"discard {batch_id}", wait=wait) as connection:
            entry = _open_entry(ledger, batch_id)
            loaded = any(commit.batch_id == batch_id and commit.kind == "load" for commit in commits.commits(connection))
            if loaded and entry.state in OPEN:
                raise NothingToDiscard(
                    f"批次 {batch_id} 的数据已在数据湖中；请先运行 hub batch reconcile，再用 hub batch undo 撤销。",
                    f"The lake holds the rows of batch {batch_id} already; run hub batch reconcile, then hub batch undo.",
                )
            return _settle(ledger, entry, reason)
    return _settle(ledger, entry, reason)


def _settle(ledger: Ledger, entry: Entry, reason: str) -> Outcome:
    outcome = Outcome(
        state="discarded",
        received=entry.received,
        quarantined=entry.quarantined,
        message="批次已搁置，未入库。原文件和回执保留；改正后请重新报送。",
        message_en="The batch was put aside, nothing was loaded. Its file and receipt are kept; mended, deliver it anew.",
        reason=reason,
    )
    ledger.settle(entry.batch_id, outcome)
    return outcome


def _open_entry(ledger: Ledger, batch_id: str) -> Entry:
    entry = ledger.entry(batch_id)
    if entry.state not in DISCARDABLE:
        raise NothingToDiscard(
            f"批次 {batch_id} 的状态是 {entry.state}，不在等待处理，无需搁置；已入库的请用 hub batch undo 撤销。",
            f"Batch {batch_id} is {entry.state} and waits for nothing; take a loaded one back with hub batch undo.",
        )
    return entry
