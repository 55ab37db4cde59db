"""The rooms hold no word of the demo's domain: these stand in its pack, and another domain's hub shows none of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "catalog", "channels", "cli", "contracts", "hub", "orchestration", "warehouse", "transforms")
KINDS = {".py", ".html", ".css", ".js", ".sql", ".yml", ".yaml", ".po", ".cedar", ".cedarschema", ".svg"}
WORDS = re.compile(
    r"应急|地震|震级|洪水|洪涝|山洪|水库|危险源|风险源|蓝天|滑坡|泥石流|危化|危险化学品|危险货物|灾害|火点|火情|林火|汛|预警|隐患|救援|避难|四色"
    r"|earthquake|landslide|hazmat|hazard|reservoir|wildfire|hotspot|disaster|emergency",
    re.IGNORECASE,
)
ALLOWED = {
    "cryptography.hazmat": "a package's own name",
    "本机应急通道": "the machine's own user without a key: any system has such a door",
    "应急通道": "the same",
    "emergency door": "the same",
}
"""Phrases that are no words of the domain, each with the reason."""
FILES = {
    "contracts/inference/measures.py": "what numbers measure is physics, whatever the domain: 震级 among kilometres and volts",
}


def texts() -> list[Path]:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*")) if path.suffix in KINDS]
    return [path for path in paths if "vendor" not in path.parts and str(path.relative_to(ROOT)) not in FILES]


def found(text: str) -> list[str]:
    for phrase in ALLOWED:
        text = re.sub(re.sub(r"\\? ", r"\\s+", phrase), "", text)
    return WORDS.findall(text)


def test_the_rooms_hold_no_word_of_the_domain() -> None:
    assert len(texts()) > 500
    faults = {str(path.relative_to(ROOT)): words for path in texts() if (words := found(path.read_text(encoding="utf-8")))}
    assert faults == {}, "words of a domain go into its pack (packs/), examples are about something else"


@pytest.mark.parametrize(
    ("text", "words"), [("开展应急演练", ["应急"]), ("from cryptography.hazmat import x", []), ("Hazard", ["Hazard"])]
)
def test_the_search_finds_what_it_is_for(text: str, words: list[str]) -> None:
    assert found(text) == words
