"""What is asked on the command line costs others nothing, and ends in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.sharing import Hub

ROOT = Path(__file__).resolve().parent.parent.parent
HUB = (sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main())")


def asked(hub: Hub, sql: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "HUB_HOME": str(hub.settings.root), "HUB_LANG": "en", **environment}
    return subprocess.run([*HUB, "sql", sql], env=told, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_strings_that_duckdb_does_not_count_end_the_question_alone(hub: Hub) -> None:
    """`replace` in `replace` makes 800 MB of 300 letters, beyond any memory limit of DuckDB's."""
    many = "'" + "a" * 60 + "'"
    text = many
    for _ in range(4):
        text = f"replace({text}, 'a', {many})"
    done = asked(hub, f"SELECT length({text}) AS n", HUB_READING_MEMORY="1GB")
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    assert asked(hub, "SELECT 1 AS one", HUB_READING_MEMORY="1GB").returncode == 0


@pytest.mark.parametrize("words", [("sql", "SELECT '\udcff'"), ("batch", "show", "a\udcff"), ("release", "list", "\udcff")])
def test_words_that_are_no_text_are_told_so(hub: Hub, words: tuple[str, ...]) -> None:
    done = commands.hub(hub.settings.root, *words)
    assert done.returncode == 1
    assert "UTF-8" in done.stderr or "surrogate" in done.stderr
