"""Interleaved pairs: a candidate against a named baseline, run in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import json
import os
import resource
import select
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

LOOK_SECONDS = 0.1
"""How often the memory of all processes of a run is added up."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds on the wall, seconds of CPU (children included), peak resident megabytes of its processes together."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median of the candidate/baseline ratios of each pair, with the medians they came from."""

    name: str
    baseline: str
    pairs: int
    wall: float
    cpu: float
    baseline_wall: float
    candidate_wall: float
    candidate_peak_mb: float
    limit: float | None = None
    baseline_cpu: float = 0.0
    candidate_cpu: float = 0.0

    @property
    def met(self) -> bool:
        """Is the wall ratio within its limit (or has it none)?"""
        return self.limit is None or self.wall <= self.limit

    def line(self) -> str:
        """One line for people."""
        verdict = "" if self.limit is None else f"  {'meets' if self.met else 'MISSES'} ≤ {self.limit:g}"
        return (
            f"{self.name}: {self.wall:.2f}× wall, {self.cpu:.2f}× CPU of {self.baseline} "
            f"(median of {self.pairs} pairs; {self.candidate_wall:.2f} s against {self.baseline_wall:.2f} s; "
            f"peak {self.candidate_peak_mb:,.0f} MB){verdict}"
        )


def measured(work: Callable[[], object]) -> Run:
    """Run `work` in a forked child of its own, so that peak memory and CPU are its alone."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            start = time.perf_counter()
            work()
            wall = time.perf_counter() - start
            _children_counted()
            used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
            cpu = sum(u.ru_utime + u.ru_stime for u in used)
            told = Run(wall, cpu, max(u.ru_maxrss for u in used) / 1024)
            os.write(writing, json.dumps(asdict(told)).encode())
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        together = _watched(reading, child)
        told_text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not told_text:
        raise RuntimeError(f"the measured work ended with status {status}")
    told = Run(**json.loads(told_text))
    return replace(told, peak_mb=max(told.peak_mb, together))


def _children_counted() -> None:
    """The kernel counts what a child took once its end is waited for: the server of foreign files ends here."""
    door = sys.modules.get("warehouse.foreign.door")
    if door is not None:
        door.close()


def _watched(pipe: int, process: int) -> float:
    """Wait for the pipe; the most megabytes that a process and its descendants held meanwhile, together."""
    most = 0
    while not select.select([pipe], [], [], LOOK_SECONDS)[0]:
        most = max(most, sum(map(_resident, _family(process))))
    return most / 2**20


def _resident(process: int) -> int:
    """Bytes of memory of a process, without what it maps from files."""
    with suppress(OSError, ValueError, IndexError):
        told = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()
        return (int(told[1]) - int(told[2])) * resource.getpagesize()
    return 0


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))


def compare(
    name: str,
    baseline_name: str,
    baseline: Callable[[], object],
    candidate: Callable[[], object],
    *,
    pairs: int = 5,
    limit: float | None = None,
    before: Callable[[], object] | None = None,
) -> Ratio:
    """Baseline and candidate in turn, `pairs` times; `before` prepares each candidate run and is not measured.

    The work must not have started threads in this process before (it is forked): import heavy libraries inside it.
    """
    runs: list[tuple[Run, Run]] = []
    for _ in range(pairs):
        first = measured(baseline)
        if before:
            before()
        runs.append((first, measured(candidate)))
    return Ratio(
        name,
        baseline_name,
        pairs,
        wall=_median([c.wall / b.wall for b, c in runs]),
        cpu=_median([c.cpu / b.cpu for b, c in runs]),
        baseline_wall=_median([b.wall for b, _ in runs]),
        candidate_wall=_median([c.wall for _, c in runs]),
        candidate_peak_mb=max(c.peak_mb for _, c in runs),
        limit=limit,
        baseline_cpu=_median([b.cpu for b, _ in runs]),
        candidate_cpu=_median([c.cpu for _, c in runs]),
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def report(ratios: Sequence[Ratio]) -> None:
    """Print each ratio; end with status 1 where one misses its limit."""
    for ratio in ratios:
        print(ratio.line(), flush=True)
    if not all(ratio.met for ratio in ratios):
        sys.exit(1)
