"""Lake and ledger brought to one account: what the lake holds is told, what it lost is loaded again from landing, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import duckdb

from contracts.deliveries import Entry, Outcome, Placed
from contracts.errors import HubError
from warehouse.ingest import accounts, underway
from warehouse.ingest.accounts import IN_LAKE, Accounts
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.ingest.process import finish
from warehouse.settings import Settings
from warehouse.storage import commits, landing, tables
from warehouse.storage.connection import exists, writer


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One batch that was brought in order.

    `how`: told (the lake had it), loaded (from landing), restored (the ledger had lost it), renumbered (the lake has another
    one by its number, `was`), reopened (the lake had lost it), lost (it cannot be mended here) or failed.
    """

    batch_id: str
    dataset: str
    how: str
    outcome: Outcome | None
    error: HubError | None = None
    was: str = ""


class ReceiptLost(HubError):
    """The lake holds a batch of which nobody has the receipt any more."""

    def __init__(self, commit: commits.Commit) -> None:
        super().__init__(
            f"数据湖快照 {commit.snapshot} 中的批次 {commit.batch_id} 在目录和快照中都没有回执；"
            "请从备份恢复目录（hub restore）。",
            f"Batch {commit.batch_id} in lake snapshot {commit.snapshot} has no receipt in the catalogue, nor in the snapshot: "
            "bring the catalogue back from a backup (hub restore).",
        )


class ContractLost(HubError):
    """A batch was loaded under a contract that the catalogue does not have any more."""

    def __init__(self, batch_id: str, dataset: str, version: str) -> None:
        super().__init__(
            f"批次 {batch_id} 按 {dataset} 的契约 {version} 入库，目录中已没有该版本；请重新登记（hub contracts sync）。",
            f"Batch {batch_id} was loaded under contract {version} of {dataset}, which the catalogue has lost: "
            "register it again (hub contracts sync).",
        )


class RowsLost(HubError):
    """The catalogue says that a batch is loaded, and the lake has lost its rows; later batches are there."""

    def __init__(self, placed: Placed) -> None:
        super().__init__(
            f"批次 {placed.batch_id}（{placed.dataset}）的数据不在湖中，其后的批次在；"
            f"请运行 hub rebuild {placed.dataset} 依序重建。",
            f"The rows of batch {placed.batch_id} ({placed.dataset}) are not in the lake, while later batches are: "
            f"run `hub rebuild {placed.dataset}` to load all in their order.",
        )


class BytesLost(HubError):
    """The lake has lost a batch, and landing cannot give it back."""

    def __init__(self, placed: Placed) -> None:
        super().__init__(
            f"批次 {placed.batch_id}（{placed.dataset}）的数据不在湖中，也无法从原始文件补回；"
            "请从备份恢复，或请提供方重新报送。",
            f"What the lake held of batch {placed.batch_id} ({placed.dataset}) is lost and cannot be made again from landing: "
            "restore a backup, or ask the provider to send it again.",
        )


def reconcile(
    settings: Settings, ledger: Ledger, lookups: Lookups, *, dataset: str | None = None, mine: str = "", wait: float = 600
) -> Sequence[Reconciled]:
    """Bring lake and ledger to one account, and every batch that nobody works on to its end, oldest first; the lake wins.

    For one dataset the accounts are compared only where their newest words differ. Batches that a living process is
    bringing in are left to it (`underway`); bytes that the caller itself holds (`mine`) are of one that died.
    """
    if not exists(settings):
        return []
    with landing.room_said(settings), writer(settings, purpose="reconcile", wait=wait) as connection:
        mended: list[Reconciled] = []
        if dataset is None or not accounts.agree(connection, ledger):
            mended = mend(settings, ledger, lookups, connection)
        entries = [e for e in ledger.unsettled() if dataset in (None, e.receipt.dataset)]
        waiting = [e for e in entries if not underway.held(settings, e.receipt.dataset, e.receipt.sha256, mine)]
        return [*mended, *(settle(settings, ledger, lookups, connection, entry) for entry in waiting)]


def mend(settings: Settings, ledger: Ledger, lookups: Lookups, connection: duckdb.DuckDBPyConnection) -> list[Reconciled]:
    """Compare the two accounts and bring the ledger up to the lake; what the lake lost is opened again, or named."""
    ledger.note_chain_behind(settings.audit_head)
    both = accounts.read(connection, ledger)
    mended = [_renumbered(ledger, both.placed[batch]) for batch in both.of_other_bytes()]
    mended += _restored(ledger, lookups, both, {one.was for one in mended})
    for placed, outcome in both.untold():
        ledger.settle(placed.batch_id, outcome)
        mended.append(Reconciled(placed.batch_id, placed.dataset, "told", outcome))
    missing = [placed for placed in both.missing() if not accounts.rows_there(connection, placed)]
    return [*mended, *(_lost(settings, ledger, both, placed, missing) for placed in missing)]


def settle(
    settings: Settings, ledger: Ledger, lookups: Lookups, connection: duckdb.DuckDBPyConnection, entry: Entry
) -> Reconciled:
    """A batch without a result: told where the lake has it, loaded from landing where not."""
    dataset, there = entry.receipt.dataset, commits.of(connection, entry.batch_id) is not None
    try:
        outcome = brought_to_end(settings, ledger, lookups, connection, entry)
    except HubError as error:
        return Reconciled(entry.batch_id, dataset, "failed", None, error)
    return Reconciled(entry.batch_id, dataset, "told" if there else "loaded", outcome)


def brought_to_end(
    settings: Settings, ledger: Ledger, lookups: Lookups, connection: duckdb.DuckDBPyConnection, entry: Entry
) -> Outcome:
    """What became of a batch, by the lake's own word or by loading it; raises HubError where neither can be."""
    commit = commits.of(connection, entry.batch_id)
    if commit is None or (entry.receipt.answers.waived and commit.outcome.state in ("refused", "returned")):
        return finish(settings, ledger, lookups, connection, entry)
    outcome = replace(commit.outcome, table_bytes=tables.size(connection, "resource", entry.receipt.dataset))
    ledger.settle(entry.batch_id, outcome)
    return outcome


def _renumbered(ledger: Ledger, placed: Placed) -> Reconciled:
    number = ledger.renumber(placed.batch_id)
    return Reconciled(number, placed.dataset, "renumbered", None, was=placed.batch_id)


def _restored(ledger: Ledger, lookups: Lookups, both: Accounts, freed: Iterable[str]) -> list[Reconciled]:
    """Receipts that the ledger lost, in the order of receipt, with what the lake says became of them."""
    words, stamps = both.last_words(), both.stamps()
    lost = [batch for batch in words if batch in set(freed) or batch not in both.placed]
    unread = [Reconciled(b, words[b][0].dataset, "lost", None, ReceiptLost(words[b][0])) for b in lost if b not in stamps]
    mended = []
    for batch in sorted((b for b in lost if b in stamps), key=lambda b: stamps[b].sequence):
        stamp, outcome = stamps[batch], words[batch][1]
        ledger.restore(batch, stamp.sequence, stamp.receipt)
        ledger.settle(batch, outcome)
        error = _contract_lost(lookups, batch, stamp)
        mended.append(Reconciled(batch, stamp.receipt.dataset, "restored", outcome, error))
    return [*mended, *unread]


def _contract_lost(lookups: Lookups, batch: str, stamp: commits.Stamp) -> HubError | None:
    try:
        lookups.contract(stamp.receipt.dataset, stamp.receipt.contract_version)
    except (KeyError, StopIteration, HubError):
        return ContractLost(batch, stamp.receipt.dataset, stamp.receipt.contract_version)
    return None


def _lost(settings: Settings, ledger: Ledger, both: Accounts, placed: Placed, missing: Sequence[Placed]) -> Reconciled:
    """A batch whose rows the lake lost: opened again where it comes after all that are there, named where it does not."""
    lost = {one.batch_id for one in missing}
    others = (other for other in both.placed.values() if other.batch_id not in lost and other.dataset == placed.dataset)
    later = any(other.sequence > placed.sequence and other.state in IN_LAKE and other.snapshot is not None for other in others)
    if later and placed.state in IN_LAKE:
        return Reconciled(placed.batch_id, placed.dataset, "lost", None, RowsLost(placed))
    if later or not landing.place(settings, placed.sha256).is_file():
        error = BytesLost(placed)
        ledger.settle(placed.batch_id, Outcome(state="refused", message=error.message, message_en=error.message_en))
        return Reconciled(placed.batch_id, placed.dataset, "lost", None, error)
    ledger.reopen(placed.batch_id)
    return Reconciled(placed.batch_id, placed.dataset, "reopened", None)
