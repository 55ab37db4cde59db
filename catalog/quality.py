"""Quality: six dimensions, scored 0 to 100 from the results of the contract's checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from catalog.batches import Batch
from catalog.releases import QualityResult
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


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of one measurement, 0 to 100. A dimension that no rule looks at has none."""

    total: float
    dimensions: Mapping[str, float]
    measured_at: datetime
    batch_id: str | None
    weakest: str
    """The dimension with the lowest score."""


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
    asked = select(QualityResult).where(QualityResult.dataset == dataset)
    if wanted is not None:
        asked = asked.where(QualityResult.batch_id == wanted)
    else:
        moments = select(QualityResult.measured_at).where(QualityResult.dataset == dataset)
        last = session.exec(moments.order_by(col(QualityResult.measured_at).desc()).limit(1)).first()
        asked = asked.where(QualityResult.measured_at == last)
    found = session.exec(asked.order_by(col(QualityResult.id))).all()
    return sorted(found, key=lambda result: -(result.failed / result.rows if result.rows else 0))


def score(session: Session, dataset: str, *, batch_id: str | None = None) -> Score | None:
    """The score of a dataset's last measurement; None where nothing was measured."""
    return scored(results(session, dataset, batch_id=batch_id))


def scored(found: Sequence[QualityResult]) -> Score | None:
    """Share of values that passed, for each dimension over its rules; the total is the mean of the dimensions."""
    rows: dict[str, list[int]] = {}
    for result in found:
        sums = rows.setdefault(result.dimension, [0, 0])
        sums[0] += result.rows
        sums[1] += min(result.failed, result.rows)
    scores = {
        name: round(100 * (1 - rows[name][1] / rows[name][0]), 1) for name in DIMENSIONS if name in rows and rows[name][0]
    }
    if not scores:
        return None
    weakest = min(scores, key=lambda name: scores[name])
    total = round(sum(scores.values()) / len(scores), 1)
    return Score(total, scores, found[0].measured_at, found[0].batch_id, weakest)


def trend(session: Session, dataset: str, limit: int = 12) -> list[Score]:
    """Scores of the last batches, oldest first."""
    asked = select(Batch.id).where(Batch.dataset == dataset, col(Batch.received) > 0)
    ids = session.exec(asked.order_by(col(Batch.sequence).desc()).limit(limit)).all()
    by_batch: dict[str, list[QualityResult]] = {batch_id: [] for batch_id in reversed(ids)}
    for result in session.exec(
        select(QualityResult).where(col(QualityResult.batch_id).in_(ids)).order_by(col(QualityResult.id))
    ):
        by_batch[str(result.batch_id)].append(result)
    return [found for found in map(scored, by_batch.values()) if found is not None]


def _last_batch(session: Session, dataset: str) -> str | None:
    asked = select(QualityResult.batch_id).join(Batch, col(Batch.id) == QualityResult.batch_id)
    asked = asked.where(QualityResult.dataset == dataset).order_by(col(Batch.sequence).desc())
    return session.exec(asked.limit(1)).first()
