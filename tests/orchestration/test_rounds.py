"""What collect has brought, as load sees it while the two run side by side."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from orchestration.rounds import Round


def brought(dataset: str) -> Any:
    return SimpleNamespace(agreed=SimpleNamespace(dataset=dataset))


def test_a_dataset_is_complete_only_when_what_came_last_was_taken() -> None:
    """Load waits, collect brings the last channel and ends: until load has taken that, the dataset's turn is not over."""
    round_ = Round()
    round_.begin({"levels": frozenset()}, ["levels"])
    round_.bring(brought("levels"))
    assert round_.wait_for_more()
    round_.end()
    assert round_.collects("levels")
    assert round_.wait_for_more()
    assert [one.agreed.dataset for one in round_.collected()] == ["levels"]
    assert not round_.collects("levels")
    assert not round_.wait_for_more()


def test_a_collection_that_failed_keeps_no_dataset_open() -> None:
    """What was announced and never came is over when collect is."""
    round_ = Round()
    round_.begin({"levels": frozenset()}, ["levels", "levels"])
    round_.bring(brought("levels"))
    round_.end()
    assert round_.collects("levels")
    list(round_.collected())
    assert not round_.collects("levels")
