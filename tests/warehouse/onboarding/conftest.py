"""Files as people hand them over, and a draft of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.inference.evidence import Question, Undecided
from contracts.inference.guess import ColumnAnswers
from tests.warehouse.conftest import hub, in_this_process  # noqa: F401 - for files that are loaded, too
from warehouse.onboarding.draft import Drafted, Request, draft_contract
from warehouse.settings import Settings

Draft = Callable[..., Drafted]


def lines(count: int, line: Callable[[int], str]) -> str:
    """So many lines, each made from its number."""
    return "".join(f"{line(n)}\n" for n in range(count))


@pytest.fixture
def draft(settings: Settings, tmp_path: Path) -> Draft:
    """Write a file and draft its contract."""

    def make(content: str | bytes | Path, name: str = "data.csv", answers: ColumnAnswers | None = None, **told: Any) -> Drafted:
        path = content if isinstance(content, Path) else tmp_path / name
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        key = told.pop("key", None)
        divisions = told.pop("divisions", ())
        request = Request(path, "thing", "事物", "own", path.name, told, answers or ColumnAnswers(), key, divisions)
        return draft_contract(request, settings)

    return make


@pytest.fixture
def asked(draft: Draft) -> Callable[..., list[Question]]:
    """The questions that a file leaves open."""

    def ask(*content: Any, **told: Any) -> list[Question]:
        with pytest.raises(Undecided) as raised:
            draft(*content, **told)
        return list(raised.value.questions)

    return ask


@pytest.fixture(autouse=True)
def nothing_left_in_scratch(settings: Settings) -> Iterator[None]:
    """Whatever happens to a file, no scratch file stays behind."""
    yield
    left = [path.name for path in settings.scratch.glob("*") if path.is_file()] if settings.scratch.is_dir() else []
    assert left == []
