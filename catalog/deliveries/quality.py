"""Quality: six dimensions, scored 0 to 100 from the results of the contract's checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, insert
from sqlmodel import Session, col, select

from catalog.acquisition import timeliness
from catalog.deliveries import batches
from catalog.deliveries.batches import ACCEPTED, Batch, BatchState
from catalog.releases.releases import QualityResult
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


DELIVERIES = 12
"""How many of the last deliveries a resource's score looks at."""
COUNTED = (*ACCEPTED, BatchState.REFUSED, BatchState.RETURNED)
FORMULA = (
    f"每个维度 = 近 {DELIVERIES} 批中合格或已补正的检查次数 ÷ 检查次数，整批拒绝或退回而未补正的计 0；"
    "及时 = 按时 ÷ 应交；总分 = 各维度的平均",
    f"Each dimension = values of the last {DELIVERIES} deliveries that passed or were corrected ÷ values checked, none of a "
    "delivery refused or returned whole; timeliness = on time ÷ due; total = mean of the dimensions",
)
"""How a resource's score comes about, for the pages that show it."""


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
    """The score of a resource as its deliveries stand now, timeliness included; or of one delivery; None if never measured.

    Formula (`FORMULA`): each dimension is the share of values checked in the last `DELIVERIES` deliveries that passed, or were
    corrected since; of one that was refused or returned whole no value passed. Timeliness is what came on time of what was due.
    The total is the mean of the dimensions. A model without deliveries has the score of its last run.
    """
    if batch_id is not None:
        return _of_batch(session, batches.get(session, batch_id), results(session, dataset, batch_id=batch_id))
    asked = select(Batch).where(Batch.dataset == dataset, col(Batch.received) > 0, col(Batch.state).in_(COUNTED))
    last = session.exec(asked.order_by(col(Batch.sequence).desc()).limit(DELIVERIES)).all()
    by_batch = _results_of(session, last)
    measured = [(batch, by_batch[batch.id]) for batch in last if by_batch[batch.id]]
    if not measured:
        return scored(results(session, dataset))
    found = scored([result for batch, each in measured for result in _standing(batch, each)])
    on_time = timeliness.share(session, dataset)
    return _with(found, on_time, measured[0][0].id) if found else None


def _with(found: Score, on_time: float | None, batch_id: str) -> Score:
    """A score with the share that came on time as its dimension of timeliness."""
    told = dict(found.dimensions)
    if on_time is not None:
        told["timeliness"] = round(100 * on_time, 1)
    dimensions = {name: told[name] for name in DIMENSIONS if name in told}
    weakest = min(dimensions, key=lambda name: dimensions[name])
    total = round(sum(dimensions.values()) / len(dimensions), 1)
    return Score(total, dimensions, found.measured_at, batch_id, weakest)


def _standing(batch: Batch, found: Sequence[QualityResult]) -> list[QualityResult]:
    """A delivery's results as they stand: all failed where nothing of it got in, fewer where rows were corrected since."""
    if batch.state in (BatchState.REFUSED, BatchState.RETURNED):
        left = 1.0 if batch.waits else 0.0
        return [_failing(result, round(result.rows * left)) for result in found]
    left = batch.open_rows / batch.quarantined if batch.quarantined else 1.0
    return [_failing(result, round(result.failed * left)) for result in found]


def _failing(result: QualityResult, failed: int) -> QualityResult:
    if failed == result.failed:
        return result
    return QualityResult(**{**result.model_dump(exclude={"id"}), "failed": failed})


def _of_batch(session: Session, batch: Batch, found: Sequence[QualityResult]) -> Score | None:
    """What one delivery scored when it came: nothing where it was refused or returned whole."""
    made = scored(found)
    if made is None or batch.state not in (BatchState.REFUSED, BatchState.RETURNED):
        return made
    return Score(0.0, dict.fromkeys(made.dimensions, 0.0), made.measured_at, batch.id, made.weakest)


def _results_of(session: Session, last: Sequence[Batch]) -> dict[str, list[QualityResult]]:
    by_batch: dict[str, list[QualityResult]] = {batch.id: [] for batch in last}
    asked = select(QualityResult).where(col(QualityResult.batch_id).in_(list(by_batch))).order_by(col(QualityResult.id))
    for result in session.exec(asked):
        by_batch[str(result.batch_id)].append(result)
    return by_batch


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
    """Scores of the last deliveries, oldest first; those that were refused or returned whole have none of their points."""
    asked = select(Batch).where(Batch.dataset == dataset, col(Batch.received) > 0)
    last = list(reversed(session.exec(asked.order_by(col(Batch.sequence).desc()).limit(limit)).all()))
    by_batch = _results_of(session, last)
    scores = [_of_batch(session, batch, by_batch[batch.id]) for batch in last]
    return [found for found in scores if found is not None]


def _last_batch(session: Session, dataset: str) -> str | None:
    """The newest delivery with results, those before which its rows are in the table first."""
    asked = select(QualityResult.batch_id).join(Batch, col(Batch.id) == QualityResult.batch_id)
    asked = asked.where(QualityResult.dataset == dataset)
    accepted = case((col(Batch.state).in_(ACCEPTED), 0), else_=1)
    return session.exec(asked.order_by(accepted, col(Batch.sequence).desc()).limit(1)).first()
