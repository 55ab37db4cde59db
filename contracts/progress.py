"""How far long work has come, told to whoever wants to hear it: a job's page. Where nobody listens it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int | None], None]
STEPS = {
    "receiving": ("正在接收文件", "receiving the file"),
    "checking": ("正在校验", "checking"),
    "loading": ("正在入库", "loading"),
    "comparing": ("正在与上一版本比对", "comparing with the last version"),
}
"""Steps of long work, as people read them."""
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def reached(step: str, rows: int | None = None) -> None:
    """Work begins a step of STEPS, with so many rows where that is known."""
    listener = _listener.get()
    if listener is not None:
        listener(step, rows)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear of every step that is reached inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
