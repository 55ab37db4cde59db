"""What a reading of foreign bytes may take: memory, time, output. Set by the kernel, in the reading process alone."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from warehouse.settings import UNITS, Settings, size

KINDS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
Given = Mapping[int, tuple[int, int]]
"""Soft and hard limits by their kind."""
SECONDS_A_MEGABYTE = 5
"""More for a large file: the slowest known (a workbook, on a busy machine) takes about one."""
BYTES_A_COLUMN = 1 << 20
"""Room for each column of a wide contract; DuckDB alone wants 0.6 MB (warehouse.ingest.open_batch)."""

ASKED_FOR_ONE_USED = 3
"""Address space for each byte of memory: a file of 72 columns asked for 6.6 GB and used 0.25 (DuckDB's buffers, 2026-11-27).
What is used is seen by the supervisor; this ends what asks for far more between two looks."""
BYTES_A_THREAD = 128 << 20
"""Address space that a thread's stack and heap reserve, mostly without using it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one reading."""

    memory: int
    """Bytes in use, as the supervisor sees them."""
    seconds: float
    output: int
    """Bytes of one file that it writes."""

    def said(self) -> tuple[str, str]:
        """The limits for people, in Chinese and English."""
        memory, seconds = f"{self.memory / UNITS['G']:.1f} GB", f"{self.seconds:.0f}"
        return f"内存 {memory}、用时 {seconds} 秒", f"{memory} of memory and {seconds} s"


def of(settings: Settings, path: Path, *, columns: int = 0) -> Limits:
    """The limits for a file: a large one has more time, a wide contract more memory, none more than the machine has."""
    memory = size(settings.reading_memory) + columns * BYTES_A_COLUMN
    seconds = settings.reading_seconds + SECONDS_A_MEGABYTE * (path.stat().st_size >> 20 if path.is_file() else 0)
    return Limits(min(memory, _machine() * 3 // 4), float(seconds), settings.max_unpacked_bytes)


def given() -> Given:
    """The limits that this process was started with."""
    return {kind: resource.getrlimit(kind) for kind in KINDS}


def impose(limits: Limits, before: Given, *, last: bool = True) -> None:
    """Put this process under its limits; it is also the first to go when the machine itself has no memory left.

    Counted from what it used before. `last`: no other file follows, so that the limits can never be raised again.
    """
    space = _address_space() + limits.memory * ASKED_FOR_ONE_USED + (os.cpu_count() or 1) * BYTES_A_THREAD
    seconds = int(time.process_time() + limits.seconds * (os.cpu_count() or 1)) + 1
    wanted = (space, seconds, limits.output, 0)
    for kind, most in zip(KINDS, wanted, strict=True):
        _at_most(kind, most, before[kind], last=last)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


@contextmanager
def memory_at_most(more: int) -> Iterator[None]:
    """Let this process take so much memory more and no further for a while: DuckDB does not count every string it makes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space() + more + (os.cpu_count() or 1) * BYTES_A_THREAD
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft == resource.RLIM_INFINITY else min(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def resident(process: int) -> int:
    """Bytes of memory that another process uses; 0 where nobody can say."""
    with suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")  # what it shares with the server is not its own
    return 0


def own_output_limit(limits: Limits) -> bool:
    """Whether a file cut short was cut by these limits, and not by one that the whole hub is under."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] == limits.output


def join_group(folder: str) -> None:
    """Move this process into the cgroup that an installation has set aside for readings (HUB_READING_CGROUP)."""
    if folder:
        Path(folder, "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def _at_most(kind: int, wanted: int, before: tuple[int, int], *, last: bool) -> None:
    most = min((wanted, *(limit for limit in before if limit != resource.RLIM_INFINITY)))
    with suppress(ValueError, OSError):  # not every system knows every limit
        resource.setrlimit(kind, (most, most if last else before[1]))


def _address_space() -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 1 << 30


def _machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
