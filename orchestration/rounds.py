"""One run's two ops side by side: what collect has brought so far, as load sees it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue

from orchestration.collect import Collected
from orchestration.waiting import next_of

LOOK_SECONDS = 0.2


class Round:
    """The collection of one run. Collect writes, load reads; each from a thread of its own."""

    def __init__(self) -> None:
        self.order: Mapping[str, frozenset[str]] = {}
        """Datasets whose channels are asked, those that are referred to first, each with those it waits for."""
        self._open: Counter[str] = Counter()
        self._brought: SimpleQueue[Collected] = SimpleQueue()
        self._seen: list[Collected] = []
        self._looked, self._ended = threading.Event(), threading.Event()

    def begin(self, order: Mapping[str, frozenset[str]], datasets: Iterable[str]) -> None:
        """The first look is done: these datasets have something, one entry for each of their channels."""
        self.order, self._open = order, Counter(datasets)
        self._looked.set()

    def bring(self, collected: Collected) -> None:
        """A channel's look has ended."""
        self._brought.put(collected)

    def end(self) -> None:
        """Nothing more comes."""
        self._ended.set()
        self._looked.set()

    def wait_for_look(self) -> None:
        """Wait until it is known what will be collected."""
        self._looked.wait()

    def collected(self) -> Iterator[Collected]:
        """What was brought since the last time."""
        while True:
            try:
                brought = self._seen.pop() if self._seen else self._brought.get_nowait()
            except Empty:
                return
            self._open[brought.agreed.dataset] -= 1
            yield brought

    def collects(self, dataset: str) -> bool:
        """Whether a dataset's channels are still being asked, or what they brought was not taken yet."""
        return self._open[dataset] > 0 and not self._drained

    def wait_for_more(self) -> bool:
        """Wait a little for what comes next; False where nothing more will."""
        try:
            self._seen.append(next_of(self._brought, LOOK_SECONDS))
        except Empty:
            return not self._drained
        return True

    @property
    def _drained(self) -> bool:
        """Nothing more comes, and everything was taken."""
        return self._ended.is_set() and self._brought.empty() and not self._seen


_rounds: dict[str, Round] = {}
_guard = threading.Lock()


def of(run_id: str) -> Round:
    """The round of a run in this process, for whichever of its ops asks first."""
    with _guard:
        return _rounds.setdefault(run_id, Round())


def forget(run_id: str) -> None:
    """The run is over."""
    with _guard:
        _rounds.pop(run_id, None)
