"""Quality: what the contract's checks found in a batch or a model run, by rule and dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, case, delete, insert
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.deliveries.batches import ACCEPTED, Batch
from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now

DIMENSIONS: Mapping[str, tuple[str, str]] = {
    "completeness": ("完整", "Completeness"),
    "uniqueness": ("唯一", "Uniqueness"),
    "accuracy": ("准确", "Accuracy"),
    "consistency": ("一致", "Consistency"),
    "timeliness": ("及时", "Timeliness"),
    "conformity": ("规范", "Conformity"),
}
"""The six of GB/T 36344-2018, in the order pages show them."""


class QualityResult(SQLModel, table=True):
    """One rule's result over one batch or model run."""

    __table_args__ = (Index("ix_qualityresult_dataset_measured_at", "dataset", "measured_at"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset: str
    batch_id: str | None = Field(default=None, index=True)
    rule: str
    item: str = ""
    dimension: str = Field(description="completeness, uniqueness, accuracy, consistency, timeliness or conformity")
    rows: int = 0
    failed: int = 0
    measured_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


def replace_results(session: Session, batch: Batch, results: Sequence[Mapping[str, Any]]) -> None:
    """Write a batch's quality results in the place of earlier ones of the same batch."""
    session.connection().execute(delete(QualityResult).where(col(QualityResult.batch_id) == batch.id))
    write_results(session, batch.dataset, results, batch_id=batch.id)


def write_results(session: Session, dataset: str, results: Sequence[Mapping[str, Any]], *, batch_id: str | None = None) -> None:
    """Write results of rules over a batch, or over a model run where no batch is named."""
    moment = now()
    rows = [
        {
            "dataset": dataset,
            "batch_id": batch_id,
            "rule": str(result["rule"]),
            "item": str(result.get("item", "") or ""),
            "dimension": str(result["dimension"]),
            "rows": int(result.get("rows", 0)),
            "failed": int(result.get("failed", 0)),
            "measured_at": result.get("measured_at") or moment,
            "detail": dict(result.get("detail") or {}),
        }
        for result in results
    ]
    if rows:
        session.connection().execute(insert(QualityResult), rows)


def results(session: Session, dataset: str, *, batch_id: str | None = None) -> Sequence[QualityResult]:
    """Results of the last measurement of a dataset, or of one batch, worst share first."""
    wanted = batch_id or _last_batch(session, dataset)
    statement = select(QualityResult).where(QualityResult.dataset == dataset)
    if wanted is not None:
        statement = statement.where(QualityResult.batch_id == wanted)
    else:
        moments = select(QualityResult.measured_at).where(QualityResult.dataset == dataset)
        last = session.exec(moments.order_by(col(QualityResult.measured_at).desc()).limit(1)).first()
        statement = statement.where(QualityResult.measured_at == last)
    measured = session.exec(statement.order_by(col(QualityResult.id))).all()
    return sorted(measured, key=lambda result: -(result.failed / result.rows if result.rows else 0))


def _last_batch(session: Session, dataset: str) -> str | None:
    """The newest delivery with results, those before which its rows are in the table first."""
    statement = select(QualityResult.batch_id).join(Batch, col(Batch.id) == QualityResult.batch_id)
    statement = statement.where(QualityResult.dataset == dataset)
    accepted = case((col(Batch.state).in_(ACCEPTED), 0), else_=1)
    return session.exec(statement.order_by(accepted, col(Batch.sequence).desc()).limit(1)).first()
