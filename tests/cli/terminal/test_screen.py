"""Data on the terminal is shown as it stands."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from rich.table import Table

from cli.terminal.screen import Screen, styled

ROOT = Path(__file__).resolve().parents[3]
DATA = ("[/x]", "[bold]粗[/bold]", "[red]", ":smile:", "[link=http://evil]a[/link]", "[", "\\[x]")


def shown(what: object) -> str:
    out = io.StringIO()
    Screen(file=out, width=200).print(what)
    return out.getvalue()


@pytest.mark.parametrize("text", DATA)
def test_a_cell_a_head_and_a_line_are_never_markup(text: str) -> None:
    table = Table(text)
    table.add_row(text)
    assert shown(table).count(text) == 2
    assert text in shown(text)
    assert text in shown(styled((text, "bold"), " ", text))


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x1b[31mred", "a\rb", "\x9b31m", "\x00"])
def test_a_cell_is_no_command_to_the_terminal(text: str) -> None:
    table = Table("a")
    table.add_row(text)
    out = shown(table) + shown(text) + shown(styled(text))
    assert not [letter for letter in out if ord(letter) < 32 and letter != "\n"]
    assert "\x9b" not in out


def test_no_command_shows_data_otherwise() -> None:
    """Rich's own console reads markup: only `cli.terminal.screen` may make one."""
    found = []
    for path in [path for room in ("cli", "demo") for path in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ("rich", "rich.console", "rich.markup"):
                found += [f"{path.relative_to(ROOT)}: {name.name}" for name in node.names if name.name in ("Console", "print")]
    assert found == ["cli/terminal/screen.py: Console"]
