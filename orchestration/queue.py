"""What waits to be loaded, in fair turns: each dataset one delivery, then each its next; what is referred to goes first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from warehouse.ingest.deliver import Reception


class LoadQueue:
    """Deliveries that wait, by dataset in the order of receipt. A dataset with a thousand keeps one with a single one waiting
    for one delivery, not for a thousand."""

    def __init__(self, order: Iterable[str] = ()) -> None:
        """`order`: datasets as they take turns, those that are referred to first."""
        self._waiting: dict[str, deque[Reception]] = {name: deque() for name in order}
        self._known: set[str] = set()
        self._last = -1

    def add(self, reception: Reception) -> None:
        """One more that waits; a batch that was in the queue before is not in it twice."""
        if reception.entry.batch_id not in self._known:
            self._known.add(reception.entry.batch_id)
            self._waiting.setdefault(reception.entry.receipt.dataset, deque()).append(reception)

    def next(self, ready: Callable[[str], bool]) -> Reception | None:
        """The next in turn among the datasets that are ready; None where none is."""
        names = list(self._waiting)
        for step in range(1, len(names) + 1):
            place = (self._last + step) % len(names)
            if self._waiting[names[place]] and ready(names[place]):
                self._last = place
                return self._waiting[names[place]].popleft()
        return None

    def holds(self, dataset: str) -> bool:
        """Whether anything of a dataset waits."""
        return bool(self._waiting.get(dataset))

    def drop(self) -> list[Reception]:
        """Take everything out of it: it waits in the catalogue, for a later run."""
        left = [reception for waiting in self._waiting.values() for reception in waiting]
        for waiting in self._waiting.values():
            waiting.clear()
        return left

    def __bool__(self) -> bool:
        return any(self._waiting.values())
