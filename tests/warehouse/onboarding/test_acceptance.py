"""The acceptance program of onboarding, run as it is on the folder of public data; its hundred `hub` in this process."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import commands

SCRIPT = Path(__file__).resolve().parents[4] / "shared" / "acceptance" / "onboard.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_public_file_is_onboarded(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not SCRIPT.is_file():
        pytest.skip("the acceptance program (../shared/acceptance) is not on this machine")
    described = importlib.util.spec_from_file_location("acceptance_onboard", SCRIPT)
    assert described is not None
    assert described.loader is not None
    program = importlib.util.module_from_spec(described)
    described.loader.exec_module(program)

    def run(_hub: Sequence[str], home: str, *words: str) -> str:
        done = commands.hub(Path(home), *words, HUB_LANG="zh")
        if done.returncode:
            raise RuntimeError(f"hub {words[0]} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr(sys, "argv", ["onboard.py"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert not ended.value.code, capsys.readouterr().out
