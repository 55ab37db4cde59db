"""Whatever command a message, a doctor's finding or a page suggests exists, with its subcommand and options."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli.main import VERBS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "catalog", "cli", "contracts", "demo", "hub", "orchestration", "warehouse")
SAID = re.compile(r"(?<![\w.-])hub ([a-z][a-z-]*)((?: [a-z][a-z-]*)?)((?: --[a-z][a-z-]*)*)")
PROSE = re.compile(r"(?:the|this|that|a|own|another|whole|your|empty|one|demo|real|data-governance) $", re.IGNORECASE)
"""English speaks of "the hub" too."""


@cache
def commands() -> dict[str, Any]:
    """Every verb with its command."""
    return {name: verb.load() for chapter in VERBS.values() for name, verb in chapter.items()}


def texts() -> Iterator[tuple[str, str]]:
    """(where, text) of every string in the code, and of every message and template of the portal."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    portal = ROOT / "api" / "portal"
    for path in sorted([*portal.rglob("*.po"), *portal.rglob("*.html")]):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def suggested() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """(where, verb, following word, options) of everything that reads like a command."""
    found = []
    for where, text in texts():
        for match in SAID.finditer(text):
            if not PROSE.search(text[: match.start()]):
                found.append((where, match[1], match[2].strip(), tuple(match[3].split())))
    return found


def fault(verb: str, word: str, options: tuple[str, ...]) -> str:
    """What is wrong with a suggestion; empty where it can be run."""
    command = commands().get(verb)
    if command is None:
        return f"there is no verb {verb}"
    inner = getattr(command, "commands", None)
    if inner and word:
        if word not in inner:
            return f"hub {verb} has no {word}"
        command = inner[word]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "--as"}
    unknown = [option for option in options if option not in known]
    return f"hub {verb} {word} has no {', '.join(unknown)}" if unknown else ""


def test_every_suggested_command_exists() -> None:
    found = suggested()
    assert len(found) > 60
    assert {verb for _, verb, _, _ in found} >= {"init", "audit", "batch", "lake", "people"}
    wrong = [f"{where}: {told}" for where, verb, word, options in found if (told := fault(verb, word, options))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("verb", "word", "options"), [("mend", "", ()), ("batch", "heal", ()), ("init", "", ("--redo",))])
def test_what_is_not_there_would_be_found(verb: str, word: str, options: tuple[str, ...]) -> None:
    assert fault(verb, word, options)
