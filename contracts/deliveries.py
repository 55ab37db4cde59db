"""A delivery's receipt and result, as warehouse and catalogue tell them to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

LONGEST_REASON = 500
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said about a delivery, where the file itself leaves it open."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Header in the file → machine name of the item that it holds."""
    absent: tuple[str, ...] = ()
    """Items that may be missing or empty, though they had values before."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """Machine name of an item → order of its dates: dmy, mdy or ymd."""
    overlap: str = ""
    """Of rows without a key that are in the table already: "append" them again, or "replace" the deliveries that they mend."""
    key: tuple[str, ...] = ()
    """Items that identify a row, where the contract names none."""
    nil: bool = False
    """A delivery without any row is a nil return (零报送)."""
    again: bool = False
    """An older file may be loaded after newer ones. Of this delivery only."""
    waived: str = ""
    """Why a steward lets the delivery pass although it breaks rules about the whole (放行). Of this delivery only."""

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Answers:
        """Answers as the catalogue holds them."""
        fields = dict(stored or {})
        return cls(**{**fields, "absent": tuple(fields.get("absent") or ()), "key": tuple(fields.get("key") or ())})

    def over(self, earlier: Answers) -> Answers:
        """These answers, with earlier ones where these say nothing."""
        return Answers(
            columns={**earlier.columns, **self.columns},
            absent=tuple(dict.fromkeys((*earlier.absent, *self.absent))),
            dates={**earlier.dates, **self.dates},
            overlap=self.overlap or ("" if self.key else earlier.overlap),
            key=self.key or (() if self.overlap else earlier.key),
            nil=self.nil or earlier.nil,
            again=self.again or earlier.again,
            waived=self.waived or earlier.waived,
        )

    @property
    def lasting(self) -> Answers:
        """Those that hold for later deliveries of the dataset, too."""
        return replace(self, again=False, waived="")

    def __bool__(self) -> bool:
        return self != Answers()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery as it arrived; written before anything else is done with it."""

    dataset: str
    contract_version: str
    sha256: str
    bytes: int
    filename: str
    received_at: datetime
    received_by: str = ""
    media: str = ""
    encoding: str = ""
    route: str = ""
    agreement_id: str | None = None
    organization_id: str | None = None
    period: str = ""
    corrects: str | None = None
    run_id: str = ""
    mark: str = ""
    """By which its source knows it: what comes again under the same agreement with the same mark is the same delivery."""
    answers: Answers = field(default_factory=Answers)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault in a batch: a rule that rows broke, how many, one value as received."""

    rule: str
    item: str
    rows: int
    value: str | None
    message: str
    message_en: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. received = accepted + quarantined; accepted = inserted + updated + unchanged.

    `state` is one of catalog.deliveries.batches.BatchState: loaded, partial, held, refused, returned or undone.
    """

    state: str
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    snapshot: int | None = None
    encoding: str = ""
    media: str = ""
    message: str = ""
    message_en: str = ""
    faults: Sequence[Fault] = ()
    checks: Sequence[Mapping[str, Any]] = ()
    quality: Sequence[Mapping[str, Any]] = ()
    """Rows of catalog.releases.releases.QualityResult without dataset and batch: rule, item, dimension, rows, failed."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    table_rows: int | None = None
    table_bytes: int | None = None
    questions: Sequence[Mapping[str, Any]] = ()
    """Of a held delivery, what it leaves open: contracts.doubts.asked of each."""
    replaces: Sequence[str] = ()
    """Deliveries whose rows this one took out of a table without a key."""
    reason: str = ""
    """Why a person undid it."""
    mended: Mapping[str, int] = field(default_factory=dict)
    """Of the batch that this one corrects, and of those above it: rows that corrections have mended by now, all together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A receipt with its batch id, order and state, as the ledger holds it."""

    batch_id: str
    sequence: int
    receipt: Receipt
    state: str
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    outcome: Outcome | None = None
    """What became of it, once it is settled."""
    replaces: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    """The batch that it corrects, the one which that corrects, and so on."""
    sent: tuple[str, ...] = ()
    """Earlier batches of its sender, where several report to one dataset; empty: the whole table speaks for it."""
    comparable: tuple[str, ...] | None = None
    """Batches whose rows may come again in this one; None: any in the table."""
    room: int | None = None
    """Records that the ceiling of its purchase agreement still pays for; None where nothing limits them."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What the ledger says of a batch's place in the lake: which bytes, which snapshot, how many rows."""

    batch_id: str
    sequence: int
    dataset: str
    contract_version: str
    sha256: str
    state: str
    snapshot: int | None
    accepted: int
    quarantined: int
