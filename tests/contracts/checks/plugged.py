"""Formats brought into a test as an installed package brings them, in this process and in those that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.checks.formats import registry
from contracts.checks.rules import registry as rules

ROOT = Path(__file__).parents[3]


@contextmanager
def installed(place: Path, points: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with these entry points in the group hui.formats, as long as the context lasts."""
    info = place / "trial_format-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-format\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{points}\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", os.pathsep.join((str(place), str(ROOT), os.environ.get("PYTHONPATH", ""))))
        _forget()
        yield
    _forget()


def _forget() -> None:
    registry.forget()
    rules.of_format.cache_clear()
