"""Every pair of tokens that meet on a page: 4.5:1 for text, 3:1 for control borders, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[3] / "api" / "portal" / "static" / "css" / "tokens.css"
THEMES = ("light", "dark")

TEXT = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in ("ground", "surface", "sunken")),
    *((tone, "surface") for tone in ("ok", "attention", "fault", "free", "conditional", "closed", "string", "keyword")),
    *((tone, f"{tone}-tint") for tone in ("free", "conditional", "closed", "ok", "attention", "fault", "accent")),
    *((tone, "ground") for tone in ("fault", "attention", "ok")),
    *((f"on-level-{colour}", f"level-{colour}") for colour in ("red", "orange", "yellow", "blue")),
    ("on-primary", "primary"), ("on-primary", "primary-hover"), ("on-primary", "fault-solid"), ("ink", "mark"),
    ("accent", "mark"), ("string", "sunken"), ("keyword", "sunken"), ("ink", "fault-tint"), ("surface", "ink"),
    ("on-inserted", "inserted"), ("on-updated", "updated"), ("on-unchanged", "unchanged"), ("ink-2", "accent-tint"),
    ("ink", "accent-tint"), ("fault", "sunken"), ("ink", "attention-tint"),
]  # fmt: skip
BORDERS = [
    ("control", "surface"), ("control", "ground"), ("control", "sunken"), ("accent", "surface"), ("accent", "ground"),
    ("fault-edge", "surface"), ("on-done", "done"), ("done", "surface"), ("quarantined", "surface"),
]  # fmt: skip


def tokens() -> dict[str, dict[str, str]]:
    text = TOKENS.read_text()
    told: dict[str, dict[str, str]] = {theme: {} for theme in THEMES}
    pattern = r"--([\w-]+):\s*(?:light-dark\((#\w+),\s*(#\w+)\)|(#\w+));"
    for name, light, dark, both in re.findall(pattern, text):
        told["light"][name], told["dark"][name] = light or both, dark or both
    return told


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_that_of_wcag() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_reaches_four_and_a_half(theme: str, text: str, ground: str) -> None:
    known = tokens()[theme]
    assert contrast(known[text], known[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("border", "ground"), BORDERS)
def test_controls_and_marks_reach_three(theme: str, border: str, ground: str) -> None:
    known = tokens()[theme]
    assert contrast(known[border], known[ground]) >= 3


def test_tokens_of_the_design_are_the_ones_served() -> None:
    light, dark = tokens()["light"], tokens()["dark"]
    assert (light["ground"], dark["ground"]) == ("#f6f7f9", "#11151b")
    assert (light["accent"], dark["accent"]) == ("#0f5ea8", "#79b8f4")
    assert light["level-red"] == dark["level-red"] == "#c8281e"


def test_styles_use_tokens_and_no_colour_of_their_own() -> None:
    for sheet in TOKENS.parent.glob("*.css"):
        if sheet.name in ("tokens.css", "print.css"):
            continue
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", sheet.read_text())
        assert set(found) <= {"#fff"}, sheet.name
