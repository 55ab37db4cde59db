"""Bars drawn on the server as SVG, in percent, so that no style attribute is needed and each part stays visible."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.deliveries.batches import Batch, BatchState

LEAST = 1.0
"""Smallest part in percent: 3 px of a bar of 300 px."""


@dataclass(frozen=True, slots=True)
class BarPart:
    """One part of a bar: what it is, how many, where it begins and how wide it is in percent."""

    kind: str
    count: int
    left: float
    width: float


def parts(counts: list[tuple[str, int]], least: float = LEAST) -> tuple[BarPart, ...]:
    """Parts that fill the bar in proportion; none that is not zero is narrower than `least` percent."""
    shown = [(kind, count) for kind, count in counts if count > 0]
    if not shown:
        return ()
    small = _small([count for _, count in shown], least)
    rest = sum(count for (_, count), is_small in zip(shown, small, strict=True) if not is_small)
    room = 100 - least * sum(small)
    made, left = [], 0.0
    for (kind, count), is_small in zip(shown, small, strict=True):
        width = least if is_small else room * count / rest
        made.append(BarPart(kind, count, round(left, 3), round(width, 3)))
        left += width
    return tuple(made)


def _small(counts: list[int], least: float) -> list[bool]:
    """Which parts get the smallest width; giving it to some may leave another below it, so ask until nothing changes."""
    small = [False] * len(counts)
    while True:
        rest = sum(count for count, is_small in zip(counts, small, strict=True) if not is_small)
        room = 100 - least * sum(small)
        again = [is_small or room * count / rest < least for count, is_small in zip(counts, small, strict=True)]
        if again == small:
            return small
        small = again


def of_batch(batch: Batch) -> tuple[BarPart, ...]:
    """The parts of a delivery; one that was undone has none of its rows in the table any more."""
    if batch.state == BatchState.UNDONE:
        return parts([("undone", batch.accepted), ("quarantined", batch.quarantined)])
    return batch_parts(batch.inserted, batch.updated, batch.unchanged, batch.quarantined)


def batch_parts(inserted: int, updated: int, unchanged: int, quarantined: int) -> tuple[BarPart, ...]:
    """The parts of a delivery: accepted = inserted + updated + unchanged, then what is quarantined."""
    counts = [("inserted", inserted), ("updated", updated), ("unchanged", unchanged), ("quarantined", quarantined)]
    return parts(counts)
