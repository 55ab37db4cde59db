"""Scores of quality: six dimensions, 0 to 100, from the results of the contract's checks and from what was on time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from catalog.acquisition import timeliness
from catalog.deliveries import batches
from catalog.deliveries.batches import ACCEPTED, Batch, BatchState
from catalog.deliveries.quality import DIMENSIONS, QualityResult, results

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


def score(session: Session, dataset: str, *, batch_id: str | None = None) -> Score | None:
    """The score of a resource as its deliveries stand now, timeliness included; or of one delivery; None if never measured.

    Formula (`FORMULA`): each dimension is the share of values checked in the last `DELIVERIES` deliveries that passed, or were
    corrected since; of one that was refused or returned whole no value passed. Timeliness is what came on time of what was due.
    The total is the mean of the dimensions. A model without deliveries has the score of its last run.
    """
    if batch_id is not None:
        return _of_batch(session, batches.get(session, batch_id), results(session, dataset, batch_id=batch_id))
    statement = select(Batch).where(Batch.dataset == dataset, col(Batch.received) > 0, col(Batch.state).in_(COUNTED))
    last = session.exec(statement.order_by(col(Batch.sequence).desc()).limit(DELIVERIES)).all()
    by_batch = _results_of(session, last)
    measured = [(batch, by_batch[batch.id]) for batch in last if by_batch[batch.id]]
    if not measured:
        return scored(results(session, dataset))
    current = scored([result for batch, each in measured for result in _standing(batch, each)])
    on_time = timeliness.share(session, dataset)
    return _with(current, on_time, measured[0][0].id) if current else None


def _with(score: Score, on_time: float | None, batch_id: str) -> Score:
    """A score with the share that came on time as its dimension of timeliness."""
    by_dimension = dict(score.dimensions)
    if on_time is not None:
        by_dimension["timeliness"] = round(100 * on_time, 1)
    dimensions = {name: by_dimension[name] for name in DIMENSIONS if name in by_dimension}
    weakest = min(dimensions, key=lambda name: dimensions[name])
    total = round(sum(dimensions.values()) / len(dimensions), 1)
    return Score(total, dimensions, score.measured_at, batch_id, weakest)


def _standing(batch: Batch, measured: Sequence[QualityResult]) -> list[QualityResult]:
    """A delivery's results as they stand: all failed where nothing of it got in, fewer where rows were corrected since."""
    if batch.state in (BatchState.REFUSED, BatchState.RETURNED):
        left = 1.0 if batch.waits else 0.0
        return [_failing(result, round(result.rows * left)) for result in measured]
    left = batch.open_rows / batch.quarantined if batch.quarantined else 1.0
    return [_failing(result, round(result.failed * left)) for result in measured]


def _failing(result: QualityResult, failed: int) -> QualityResult:
    if failed == result.failed:
        return result
    return QualityResult(**{**result.model_dump(exclude={"id"}), "failed": failed})


def _of_batch(session: Session, batch: Batch, measured: Sequence[QualityResult]) -> Score | None:
    """What one delivery scored when it came: nothing where it was refused or returned whole."""
    score = scored(measured)
    if score is None or batch.state not in (BatchState.REFUSED, BatchState.RETURNED):
        return score
    return Score(0.0, dict.fromkeys(score.dimensions, 0.0), score.measured_at, batch.id, score.weakest)


def _results_of(session: Session, last: Sequence[Batch]) -> dict[str, list[QualityResult]]:
    by_batch: dict[str, list[QualityResult]] = {batch.id: [] for batch in last}
    statement = select(QualityResult).where(col(QualityResult.batch_id).in_(list(by_batch))).order_by(col(QualityResult.id))
    for result in session.exec(statement):
        by_batch[str(result.batch_id)].append(result)
    return by_batch


def scored(measured: Sequence[QualityResult]) -> Score | None:
    """Share of values that passed, for each dimension over its rules; the total is the mean of the dimensions."""
    rows: dict[str, list[int]] = {}
    for result in measured:
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
    return Score(total, scores, measured[0].measured_at, measured[0].batch_id, weakest)


def trend(session: Session, dataset: str, limit: int = 12) -> list[Score]:
    """Scores of the last deliveries, oldest first; those that were refused or returned whole have none of their points."""
    statement = select(Batch).where(Batch.dataset == dataset, col(Batch.received) > 0)
    last = list(reversed(session.exec(statement.order_by(col(Batch.sequence).desc()).limit(limit)).all()))
    by_batch = _results_of(session, last)
    scores = [_of_batch(session, batch, by_batch[batch.id]) for batch in last]
    return [score for score in scores if score is not None]
