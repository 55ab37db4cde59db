"""Files that are being cut: each once, for all who wait for it, and readable from its first bytes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from warehouse.serving import extracts
from warehouse.serving.extracts import ExtractFile, Plan, Wanted
from warehouse.settings import Settings

LOOK_SECONDS = 0.02
"""How often it is looked at whether a file has grown."""
HEAD_BYTES = 4
"""Parquet begins with four letters, before the first row is read: they say nothing yet."""
TRIES = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """A file under way. What it comes to is in `done`, the error that ended it too; whoever goes away ends nothing."""

    path: Path
    done: Future[ExtractFile] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.done.set_running_or_notify_cancel()  # nobody who waits for it can call it off

    def opened(self) -> BinaryIO:
        """The file, once its first rows are there; what keeps them from coming is raised."""
        while True:
            over = self.done.done()
            if over:
                self.done.result()
            for path in (self.path, extracts.growing(self.path)):
                with suppress(FileNotFoundError):
                    file = path.open("rb", buffering=0)
                    if over or os.fstat(file.fileno()).st_size > HEAD_BYTES:
                        return file
                    file.close()
            if over:
                raise FileNotFoundError(self.path)  # cut, and put away already
            with suppress(TimeoutError):
                self.done.exception(LOOK_SECONDS)


_under_way: dict[Path, Cut] = {}
_lock = threading.Lock()


def begun(settings: Settings, plan: Plan, number: int) -> Cut:
    """The cut of a file: the one under way in this process, or one that begins now. Other processes may be at it, too: the file
    grows for all of them, one of them writes it."""
    path = extracts.place(settings, plan, number)
    with _lock:
        cut = _under_way.get(path)
        if cut is None:
            extracts.clear(path)
            cut = _under_way[path] = Cut(path)
            threading.Thread(target=_run, args=(cut, settings, plan, number), daemon=True).start()
    return cut


def opened(settings: Settings, plan: Plan, number: int) -> tuple[ExtractFile, BinaryIO] | None:
    """A finished file, open: it may be put away while it is read. None: its bytes are not there."""
    file = extracts.described(settings, plan, number)
    with suppress(FileNotFoundError):
        if file is not None:
            return file, file.path.open("rb", buffering=0)
    return None


def finished(settings: Settings, plan: Plan, number: int) -> tuple[ExtractFile, BinaryIO]:
    """The same, cut first where it is not there."""
    for _ in range(TRIES):
        if found := opened(settings, plan, number):
            return found
        begun(settings, plan, number).done.result()
    raise FileNotFoundError(extracts.place(settings, plan, number))


def files(settings: Settings, wanted: Wanted) -> Iterator[ExtractFile]:
    """Every file, each as soon as it is known: it was cut before, or it is cut now."""
    plan = extracts.plan(settings, wanted)
    for number in range(len(plan.parts)):
        yield extracts.described(settings, plan, number) or begun(settings, plan, number).done.result()


def known(settings: Settings, wanted: Wanted) -> tuple[ExtractFile, ...] | None:
    """Every file, if all of them are known: nothing has to be cut to tell of them."""
    plan = extracts.planned(settings, wanted)
    found = [extracts.described(settings, plan, number) for number in range(len(plan.parts))] if plan else [None]
    return tuple(one for one in found if one) if all(found) else None


def _run(cut: Cut, settings: Settings, plan: Plan, number: int) -> None:
    try:
        file = extracts.cut(settings, plan, number)
    except BaseException as error:
        _over(cut)
        cut.done.set_exception(error)
    else:
        _over(cut)
        cut.done.set_result(file)


def _over(cut: Cut) -> None:
    with _lock:
        _under_way.pop(cut.path, None)
