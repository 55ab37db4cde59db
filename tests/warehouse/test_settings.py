"""Settings that cannot be used are told by their names, before anything is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

from warehouse.settings import Settings, WrongSetting, size


@pytest.mark.parametrize("text", ["lots", "", "4 parsecs", "0", "-1GB", "1e3"])
@pytest.mark.parametrize("name", ["HUB_MEMORY_LIMIT", "HUB_READING_MEMORY", "HUB_READER_MEMORY"])
def test_an_amount_of_memory_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(WrongSetting, match=name):
        Settings(_env_file=None)


def test_amounts_of_memory() -> None:
    assert [size(text) for text in ("1024", "800 MB", "1.5GiB")] == [1024, 800 << 20, 3 << 29]


def test_the_command_says_which_variables_and_repeats_no_value() -> None:
    environment = {"HUB_READERS": "none-of-your-business", "HUB_READING_MEMORY": "much", "HUB_LANG": "en", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "attempts"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 1
    assert "HUB_READERS" in done.stderr
    assert "HUB_READING_MEMORY" in done.stderr
    assert "Traceback" not in done.stderr
    assert "business" not in done.stderr
