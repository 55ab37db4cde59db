"""The next delivery is read while the one before it is loaded: reading has a process of its own, loading waits for the disk."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from contracts.deliveries import Entry, Receipt
from contracts.errors import HubError
from contracts.model import Contract
from warehouse.foreign import door
from warehouse.ingest import open_batch, process
from warehouse.ingest import outcome as verdict
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.ingest.stage import Stage
from warehouse.settings import Settings
from warehouse.storage import landing


@dataclass(frozen=True, slots=True)
class _Done:
    contract: Contract
    receipt: Receipt
    came: Stage | verdict.Refused


class Ahead:
    """Reads small deliveries ahead, in a thread that its context ends. What was read under a contract or answers that hold
    no more by the time it is loaded is read again."""

    def __init__(self, settings: Settings, ledger: Ledger, lookups: Lookups) -> None:
        self._settings, self._ledger, self._lookups = settings, ledger, lookups
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._turn = ExitStack()
        self._begun: dict[str, Future[_Done]] = {}

    def __enter__(self) -> Ahead:
        self._thread.submit(self._turn.enter_context, door.in_turn())
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._begun.values():
            if future.exception() is None:  # else it is told when it is read in its turn, by the next run
                _tidy(future.result())
        self._thread.submit(self._turn.close)
        self._thread.shutdown()

    def begin(self, entry: Entry) -> None:
        """Read a delivery that comes next. A large one, or no plain text, is read in its turn: it takes both cores."""
        with suppress(OSError):  # told in its turn
            if open_batch.small_text(landing.locate(self._settings, entry.receipt.sha256)):
                self._begun[entry.batch_id] = self._thread.submit(self._read, entry)

    def read(self, contract: Contract, entry: Entry) -> Stage:
        """The stage that was begun, or one read now. Errors: as `open_batch.read`."""
        future = self._begun.pop(entry.batch_id, None)
        if future is not None:
            with suppress(HubError, OSError, KeyError):  # told when it is read again
                done = future.result()
                if (done.contract, done.receipt) == (contract, entry.receipt):
                    if isinstance(done.came, verdict.Refused):
                        raise done.came
                    return done.came
                _tidy(done)
        return open_batch.read(self._settings, self._lookups, contract, entry)

    def _read(self, entry: Entry) -> _Done:
        entry = process.answered(self._ledger, entry)
        receipt = entry.receipt
        contract = process.meaning(self._lookups.contract(receipt.dataset, receipt.contract_version), entry)
        try:
            return _Done(contract, receipt, open_batch.read(self._settings, self._lookups, contract, entry))
        except verdict.Refused as refused:
            return _Done(contract, receipt, refused)


def _tidy(done: _Done) -> None:
    if isinstance(done.came, Stage):
        done.came.tidy()
