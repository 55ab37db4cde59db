"""Load: what waits in landing, batch by batch into the lake, under the writer's lock; small ones together, datasets in turn."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from channels.folder import placed
from contracts.errors import HubError
from hub import sources
from hub.hub import Hub
from orchestration import lineage
from orchestration.queue import LoadQueue
from orchestration.rounds import Round
from orchestration.turns import Loaded, Turn
from warehouse.foreign import door, files
from warehouse.ingest import deliver as ingest
from warehouse.ingest import quarantine, underway
from warehouse.ingest.deliver import Delivered, Reception
from warehouse.storage import landing, tables
from warehouse.storage.connection import WriterBusy

MAKE_TABLES_SECONDS = 30.0
HOLD_SECONDS = 2.0
"""How long one hold of the lock goes on taking deliveries; then others who wait to write have their turn."""
OPEN_DOOR_SECONDS = 0.06
"""The lock stays free this long between two holds: who waits for it looks every 0.05 s."""
REFERENCE_SECONDS = 30.0
"""How long a dataset waits for one that it refers to and whose source is being asked; a dead source holds it no longer."""
LONGEST_NAME = 255
"""Bytes of a file's name."""
MARKED_FAULTS = 5_000
"""Cells that a returned workbook marks at most; the quarantine page has them all."""


class OutboxLeads(HubError):
    """A folder of the outbox is a link to somewhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"退回文件夹 {folder} 是指向别处的链接，未写入退回表；请换成真正的文件夹。",
            f"The folder {folder} of the outbox is a link that leads elsewhere, nothing was written. Make it a folder.",
        )


@dataclass
class Loading:
    """One run's loads, beside its collection."""

    hub: Hub
    round: Round
    datasets: frozenset[str]
    run_id: str = ""
    began: float = field(default_factory=time.monotonic)
    turns: dict[str, Turn] = field(default_factory=dict)

    def run(self) -> Iterator[Turn]:
        """Each dataset's turn as it is complete: everything its channels hold is loaded, or told why not.

        What an earlier run left is taken along. Ends when the collection has ended and nothing waits.
        """
        self.round.wait_for_look()
        self.queue = LoadQueue(self.round.order)
        make_tables(self.hub, list(self.round.order))
        self._take_left_behind()
        with door.in_turn():
            while True:
                self._take_collected()
                if not self._hold() and not self.round.wait_for_more():
                    break
                yield from self._complete()
        self._take_collected()
        yield from self._complete(all_of_them=True)

    def _take_left_behind(self) -> None:
        """Receipts of an earlier run, or of a process that died between receipt and load."""
        for entry in self.hub.ledger.unsettled():
            receipt = entry.receipt
            if receipt.dataset in self.datasets and not underway.held(self.hub.settings, receipt.dataset, receipt.sha256):
                self.queue.add(Reception(entry, news=True, left_behind=not self.run_id or receipt.run_id != self.run_id))

    def _take_collected(self) -> None:
        for collected in self.round.collected():
            turn = self._turn(collected.agreed.dataset)
            turn.notes += collected.notes
            turn.failed = turn.failed or collected.failed
            for reception in collected.receptions:
                if reception.news or reception.entry.outcome is None:  # or it was received before a crash, and waits
                    self.queue.add(reception)

    def _hold(self) -> bool:
        """One hold of the writer's lock; whether anything was there to load."""
        hub, first = self.hub, self._following()
        if first is None:
            return False
        ahead = [first]
        try:
            done = ingest.load(
                hub.settings,
                hub.ledger,
                hub.lookups,
                lambda: ahead.pop() if ahead else self._following(),
                hold_seconds=HOLD_SECONDS,
            )
        except WriterBusy as busy:
            for left in [first, *self.queue.drop()]:
                self._turn(left.entry.receipt.dataset).note(busy)
            return True
        for attempt in done:
            self._settle(attempt)
        if self.queue:
            time.sleep(OPEN_DOOR_SECONDS)
        return True

    def _following(self) -> Reception | None:
        """The next delivery in turn. One that an earlier run left and another process has loaded since is nobody's news."""
        self._take_collected()
        while (reception := self.queue.next(self._ready)) is not None:
            mine = reception.entry.receipt.run_id == self.run_id
            if mine or self.hub.ledger.entry(reception.entry.batch_id).outcome is None:
                return reception
        return None

    def _settle(self, attempt: ingest.Attempt) -> None:
        turn = self._turn(attempt.reception.entry.receipt.dataset)
        turn.seconds += attempt.seconds
        if attempt.error is not None:
            turn.note(attempt.error)
        elif attempt.delivered is not None:
            self._follow_up(attempt.delivered)

    def _follow_up(self, delivered: Delivered) -> None:
        """What a load brings about outside the lake: its lineage, and a workbook with marked faults back to its agency."""
        receipt, outcome = delivered.entry.receipt, delivered.outcome
        turn = self._turn(receipt.dataset)
        turn.news.append(Loaded(delivered.batch_id, receipt.filename, outcome))
        try:
            with self.hub.session() as session:
                agreed = sources.came_by(session, receipt)
                channel = {"kind": agreed.kind, **agreed.settings} if agreed else {}
                contract = self.hub.lookups.contract(receipt.dataset, receipt.contract_version)
                lineage.record(session, lineage.batch_events(contract, delivered.entry, outcome, channel=channel))
            if outcome.quarantined and receipt.route == "collect":
                give_back(self.hub, channel, delivered)
        except Exception as error:
            turn.note(error)

    def _turn(self, dataset: str) -> Turn:
        return self.turns.setdefault(dataset, Turn(dataset))

    def _ready(self, dataset: str) -> bool:
        """Whether all that a dataset refers to is in, or has had its time."""
        targets = self.round.order.get(dataset, frozenset())
        if any(self.queue.holds(target) for target in targets):
            return False
        waits = any(self.round.collects(target) for target in targets)
        return not waits or time.monotonic() - self.began > REFERENCE_SECONDS

    def _complete(self, all_of_them: bool = False) -> Iterator[Turn]:
        for dataset in list(self.turns):
            if all_of_them or not (self.round.collects(dataset) or self.queue.holds(dataset)):
                yield self.turns.pop(dataset)


def make_tables(hub: Hub, datasets: list[str]) -> None:
    """Tables of datasets that are about to be loaded, at once; one without a contract is told of when its turn comes.

    Only a saving: where the lake is being written to, each load makes its own.
    """
    contracts = []
    for name in datasets:
        with suppress(KeyError, HubError):
            contracts.append(hub.lookups.contract(name))
    with suppress(WriterBusy):
        tables.make_all(hub.settings, contracts, wait=MAKE_TABLES_SECONDS)


def give_back(hub: Hub, channel: Mapping[str, Any], delivered: Delivered) -> Path | None:
    """The workbook with every fault marked at its cell, laid into the agency's folder of the outbox."""
    receipt, batch_id = delivered.entry.receipt, delivered.batch_id
    faults = quarantine.rows(hub.settings, batch_id, limit=MARKED_FAULTS) if channel.get("outbox") else []
    if not faults:
        return None
    outbox = placed(hub.settings.root, str(channel["outbox"]))
    folder = outbox / (receipt.organization_id or "unknown")
    folder.mkdir(parents=True, exist_ok=True)
    ending = f"-{batch_id}-退回.xlsx"
    target = folder / (_cut(Path(receipt.filename).stem, LONGEST_NAME - len(ending.encode())) + ending)
    if target.is_symlink() or not folder.resolve().is_relative_to(outbox.resolve()):
        raise OutboxLeads(folder)
    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="return-", dir=hub.settings.scratch) as scratch:
        received = Path(scratch) / f"received{Path(receipt.filename).suffix.lower()}"  # landing's names have no ending
        shutil.copyfile(landing.locate(hub.settings, receipt.sha256), received)
        files.annotate(received, faults, target, hub.settings)
    return target


def _cut(name: str, most: int) -> str:
    """A name of so many bytes at most: a file system counts bytes, and a character of Chinese has three."""
    return os.fsencode(name)[:most].decode("utf-8", "ignore")
