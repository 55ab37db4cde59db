"""A delivery's receipt and result, as warehouse and catalogue tell them to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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

    `state` is one of catalog.batches.BatchState: loaded, partial, refused, returned or undone.
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
    """Rows of catalog.releases.QualityResult without dataset and batch: rule, item, dimension, rows, failed."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    table_rows: int | None = None
    table_bytes: int | None = None


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
