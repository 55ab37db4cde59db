"""Batches: one delivery each, its receipt and what became of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, True_, func, not_, text
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime, no_items
from contracts.clock import now
from contracts.errors import HubError


class BatchState(StrEnum):
    """已收到 校验中 已入库 部分隔离 待答复 整批拒绝 退回 已补正 已撤销 已搁置."""

    RECEIVED = "received"
    CHECKING = "checking"
    LOADED = "loaded"
    PARTIAL = "partial"
    HELD = "held"
    REFUSED = "refused"
    RETURNED = "returned"
    CORRECTED = "corrected"
    UNDONE = "undone"
    DISCARDED = "discarded"


ACCEPTED = (BatchState.LOADED, BatchState.PARTIAL, BatchState.CORRECTED)
"""States in which a batch's accepted rows are in the lake."""
MENDABLE = (BatchState.PARTIAL, BatchState.RETURNED, BatchState.REFUSED)
"""States in which a batch may wait for its correction."""
TAKEN_AWAY = (BatchState.UNDONE, BatchState.DISCARDED)
"""States of a batch that a person took out of the way."""


WAITING = (
    "({batch}state = 'held' OR ({batch}state IN ('partial', 'returned', 'refused') AND {batch}mended < "
    "CASE WHEN {batch}quarantined > 0 THEN {batch}quarantined ELSE 1 END AND {batch}corrects IS NULL))"
)
"""SQL: held for an answer, or some row is not mended; where no row could be counted, nothing accepted has corrected it yet.

What a correction has in quarantine itself is open with the batch that it corrects, and counted there. As text, so that the
databases know it for the condition of the index of the few batches that wait.
"""
NARROWED = ("state", "dataset", "organization_id")
"""Columns by which the list is narrowed and stays in its order."""


class Batch(SQLModel, table=True):
    """One delivery: (dataset, sha256, contract version). received = accepted + quarantined, always."""

    __table_args__ = (
        Index("ix_batch_agreement_id_state_sequence", "agreement_id", "state", "sequence"),
        Index("ix_batch_agreement_id_period_state_organization_id", "agreement_id", "period", "state", "organization_id"),
        *(Index(f"ix_batch_{by}_received_at_sequence", by, "received_at", "sequence") for by in NARROWED),
        Index("ix_batch_received_at_sequence", "received_at", "sequence"),
        Index("ix_batch_route_state", "route", "state"),
        Index("ix_batch_dataset_state", "dataset", "state"),
        Index("ix_batch_organization_id_dataset_state", "organization_id", "dataset", "state"),
        Index("ix_batch_corrects", "corrects"),
        Index(
            "ix_batch_waiting",
            *("sequence", "organization_id", "state", "received_at"),
            sqlite_where=text(WAITING.format(batch="")),
            postgresql_where=text(WAITING.format(batch="")),
        ),
    )
    """Pages of the list are read in its order, in whatever way it is narrowed; counts are read from an index alone."""

    id: str = Field(primary_key=True, description="Day in China and number within it, e.g. 20260311-0042")
    dataset: str
    contract_version: str
    sha256: str = Field(index=True)
    bytes: int
    filename: str
    media: str = Field(default="", description="csv, xlsx, json …, as detected")
    encoding: str = ""
    route: str = ""
    agreement_id: str | None = Field(default=None, foreign_key="agreement.id")
    organization_id: str | None = Field(default=None, foreign_key="organization.id", description="Sender")
    period: str = Field(default="", description="2026-03, 2026Q1 or 2026, for collections")
    corrects: str | None = Field(default=None, foreign_key="batch.id", description="The batch whose quarantine it mends")
    state: str = BatchState.RECEIVED
    sequence: int = Field(index=True, unique=True, description="Order of receipt over all datasets")
    received_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    received_by: str = ""
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    snapshot: int | None = Field(default=None, description="Lake snapshot that holds its result")
    message: str = ""
    message_en: str = ""
    faults: list[dict[str, Any]] = Field(
        default_factory=no_items, sa_type=Json, description="[{rule, item, rows, value, message, message_en}] most rows first"
    )
    checks: list[dict[str, Any]] = Field(
        default_factory=no_items,
        sa_type=Json,
        description="Whole-batch rules: [{rule, passed, value, expected, message, message_en}]",
    )
    questions: list[dict[str, Any]] = Field(
        default_factory=no_items, sa_type=Json, description="What a held batch leaves open (contracts.doubts.asked)"
    )
    answers: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="contracts.deliveries.Answers")
    replaces: list[str] = Field(default_factory=no_items, sa_type=Json, description="Batches whose rows it took the place of")
    mended: int = Field(default=0, description="Its rows that corrections have mended")
    reason: str = Field(default="", description="Why a person undid it, let it pass or put it aside")
    seconds: dict[str, float] = Field(default_factory=dict, sa_type=Json, description="Seconds for each step")
    run_id: str = Field(default="", description="Dagster or command run that brought it")
    mark: str = Field(default="", index=True, description="By which its source knows it; one delivery for each, and agreement")

    @property
    def open_rows(self) -> int:
        """Rows that still wait for their correction."""
        return max(self.quarantined - self.mended, 0) if self.state in MENDABLE else 0

    @property
    def waits(self) -> bool:
        """Whether a correction is still awaited; a batch of which no row could be counted waits for any that is accepted.

        A correction of which nothing was accepted waits for none: what it was to mend is open as before.
        """
        if self.corrects and self.state != BatchState.PARTIAL:
            return False
        return self.state in MENDABLE and self.mended < max(self.quarantined, 1)


class UnknownBatch(HubError):
    """No batch of that number."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"没有批次「{batch_id}」；用 hub batch list 查看。", f"There is no batch {batch_id!r}; see `hub batch list`."
        )


def loaded_from(session: Session, dataset: str, organization_id: str) -> Sequence[str]:
    """Batches of a dataset that an organization sent and whose rows are in the lake."""
    statement = select(Batch.id).where(Batch.dataset == dataset, Batch.organization_id == organization_id)
    return session.exec(statement.where(col(Batch.state).in_(ACCEPTED)).order_by(col(Batch.sequence))).all()


def count_accepted(session: Session, dataset: str) -> int:
    """How many batches of a dataset are in the lake."""
    counted = select(func.count()).select_from(Batch).where(Batch.dataset == dataset, col(Batch.state).in_(ACCEPTED))
    return session.exec(counted).one()


def any_of(session: Session, dataset: str) -> bool:
    """Whether anything was ever delivered for a dataset."""
    return session.exec(select(Batch.id).where(Batch.dataset == dataset).limit(1)).first() is not None


def get(session: Session, batch_id: str) -> Batch:
    """The batch of that number."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise UnknownBatch(batch_id)
    return batch


@dataclass(frozen=True, slots=True)
class BatchFilters:
    """What a list of batches is narrowed to."""

    dataset: str = ""
    state: tuple[str, ...] = ()
    route: str = ""
    agreement_id: str = ""
    organization_id: str = ""
    period: str = ""


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One page of batches, newest first, and how many there are in all and in each state."""

    batches: Sequence[Batch]
    total: int
    page: int
    size: int
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class Equation:
    """received = accepted + quarantined, and accepted = inserted + updated + unchanged, with shares of what was received."""

    received: int
    accepted: int
    quarantined: int
    inserted: int
    updated: int
    unchanged: int
    removed: int
    balanced: bool
    accepted_share: float | None
    quarantined_share: float | None


BY_STATE: Any = func.coalesce(Batch.state, "")
"""The state, where few batches are grouped by it: an index of states would have SQLite read the whole table in its order."""


def listed(
    session: Session,
    filters: BatchFilters | None = None,
    *,
    page: int = 1,
    size: int = 20,
    hidden: ColumnElement[bool] | None = None,
    concerning: ColumnElement[bool] | None = None,
) -> BatchPage:
    """Batches, newest first, but those that are hidden (`visibility.hidden_datasets`), and only those that concern a reader
    (`visibility.concerning`). Counts by state leave the choice of a state out."""
    chosen = filters or BatchFilters()
    wanted = [
        column == value
        for column, value in (
            (col(Batch.dataset), chosen.dataset),
            (col(Batch.route), chosen.route),
            (col(Batch.agreement_id), chosen.agreement_id),
            (col(Batch.organization_id), chosen.organization_id),
            (col(Batch.period), chosen.period),
        )
        if value
    ]
    if concerning is not None:
        wanted.append(concerning)
    states = _states(session, wanted, hidden)
    if hidden is not None:
        wanted.append(not_(hidden))
    total = sum(count for state, count in states.items() if not chosen.state or state in chosen.state)
    statement = select(Batch).where(*wanted)
    if chosen.state:
        statement = statement.where(col(Batch.state).in_(chosen.state))
    page = max(1, min(page, -(-total // size) or 1))
    newest = (col(Batch.received_at).desc(), col(Batch.sequence).desc())
    rows = session.exec(statement.order_by(*newest).offset((page - 1) * size).limit(size)).all()
    return BatchPage(rows, total, page, size, states)


def _states(session: Session, wanted: Sequence[ColumnElement[bool]], hidden: ColumnElement[bool] | None) -> dict[str, int]:
    """How many there are in each state. Of a narrowed list those that are not hidden are counted; of all, each is counted from
    an index, and what is hidden, which is little, is taken off."""
    narrowed = [one for one in wanted if not isinstance(one, True_)]
    if not narrowed:
        counts = _counted(session, col(Batch.state), [])
        return dict(counts - _counted(session, BY_STATE, [hidden]) if hidden is not None else counts)
    return dict(_counted(session, BY_STATE, [*narrowed, *([not_(hidden)] if hidden is not None else [])]))


def _counted(session: Session, by: Any, which: Sequence[ColumnElement[bool]]) -> Counter[str]:
    return Counter(dict(session.exec(select(by, func.count()).where(*which).group_by(by)).all()))


def equation(batch: Batch) -> Equation:
    """A batch's counts as the equation that its page shows."""
    parts = batch.inserted + batch.updated + batch.unchanged
    return Equation(
        received=batch.received,
        accepted=batch.accepted,
        quarantined=batch.quarantined,
        inserted=batch.inserted,
        updated=batch.updated,
        unchanged=batch.unchanged,
        removed=batch.removed,
        balanced=batch.received == batch.accepted + batch.quarantined and batch.accepted == parts,
        accepted_share=batch.accepted / batch.received if batch.received else None,
        quarantined_share=batch.quarantined / batch.received if batch.received else None,
    )


def chain(session: Session, batch: Batch) -> Sequence[Batch]:
    """A batch with those it corrects and those that correct it, oldest first."""
    by_id = {batch.id: batch}
    first = batch
    while first.corrects and first.corrects not in by_id:
        first = get(session, first.corrects)
        by_id[first.id] = first
    waiting = [one.id for one in by_id.values()]
    while waiting:
        later = session.exec(select(Batch).where(col(Batch.corrects).in_(waiting))).all()
        waiting = [one.id for one in later if one.id not in by_id]
        by_id |= {one.id: one for one in later}
    return sorted(by_id.values(), key=lambda one: one.sequence)
