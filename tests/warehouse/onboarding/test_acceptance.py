"""The acceptance program of onboarding, run as it is on the folder of public data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[4] / "shared" / "acceptance" / "onboard.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_public_file_is_onboarded(shared_data: Path) -> None:
    if not SCRIPT.is_file():
        pytest.skip("the acceptance program (../shared/acceptance) is not on this machine")
    hub = Path(sys.executable).with_name("hub")
    done = subprocess.run([sys.executable, SCRIPT, "--hub", str(hub)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
