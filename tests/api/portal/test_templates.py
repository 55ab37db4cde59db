"""Templates are read by people: one element a line where that helps, no line that runs out of the editor."""

from __future__ import annotations

from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[3] / "api" / "portal" / "templates"
LONGEST = 160


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_line_is_longer_than_an_editor_shows(path: Path) -> None:
    long = [number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > LONGEST]
    assert not long, f"break lines {long}: inside a tag or an expression white space changes nothing"
