"""What ingest needs from the outside: somewhere to keep receipts and results, and things to look up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from contracts.deliveries import Answers, Entry, Outcome, Placed, Receipt
from contracts.model import Contract


class Ledger(Protocol):
    """Receipts and results. Every call is its own committed transaction."""

    def receive(self, receipt: Receipt) -> Entry:
        """Write the receipt; the batch is `received`."""

    def answer(self, batch_id: str, answers: Answers, by: str, states: Sequence[str] = ("held",)) -> Entry:
        """Open a held batch again with answers, as the newest; the lasting ones are kept for the dataset."""

    def agreed(self, dataset: str) -> Answers:
        """What was answered before and holds for every delivery of a dataset."""

    def alike(self, dataset: str, sha256: str) -> Sequence[Entry]:
        """Batches of a dataset with these very bytes that are accepted or held, oldest first."""

    def checking(self, batch_id: str) -> Entry:
        """The batch is being checked, unless it is settled already; its receipt."""

    def settle(self, batch_id: str, outcome: Outcome) -> None:
        """Write what became of the batch; settling it twice with the same outcome changes nothing."""

    def entry(self, batch_id: str) -> Entry:
        """The receipt of a batch."""

    def latest(self, dataset: str) -> Entry | None:
        """The dataset's latest accepted batch (loaded, partial or corrected, not undone)."""

    def unsettled(self) -> Sequence[Entry]:
        """Batches still received or checking, oldest first."""

    def waiting(self, dataset: str) -> Sequence[Entry]:
        """Batches of a dataset still received or checking, oldest first."""

    def marked(self, agreement_id: str, mark: str) -> Entry | None:
        """The batch that came under an agreement with a source's own mark."""

    def history(self, dataset: str) -> Sequence[Entry]:
        """Accepted batches of a dataset that are not undone, oldest first."""

    def placed(self) -> Sequence[Placed]:
        """Every batch with its place in the lake, oldest first."""

    def find(self, batch_id: str) -> Placed | None:
        """A batch's place in the lake; None where the ledger does not know the batch."""

    def last_placed(self) -> Placed | None:
        """The newest batch of which the lake holds something; None where there is none."""

    def restore(self, batch_id: str, sequence: int, receipt: Receipt) -> None:
        """Write a receipt again that the ledger lost; one that took its place in the order meanwhile comes after it."""

    def renumber(self, batch_id: str) -> str:
        """Give a batch a new number and place in the order: the lake knows another one by its number."""

    def reopen(self, batch_id: str) -> None:
        """The lake has lost what it held of the batch: it is received, not loaded, and waits for its turn."""

    def note_chain_behind(self, head_file: Path) -> int:
        """Put on record what the audit chain has lost, as its head outside the database shows; how many seals are new."""


class Lookups(Protocol):
    """Lists and contracts that checks refer to."""

    def codes(self, name: str) -> Sequence[str]:
        """Values of a code list; KeyError when there is none of that name. `division` holds every division code."""

    def contract(self, dataset: str, version: str | None = None) -> Contract:
        """The active contract of a dataset, or that version of it; KeyError when there is none."""
