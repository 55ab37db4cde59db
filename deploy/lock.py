"""Lock pyproject.toml's dependencies with hashes in deploy/locks. Run by `make locks`, by hand, never by set-up.

The locks hold no index's address: none is given on the command line, and no header is written.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy"))

from setup import LOCKS, VENV, uv_environment  # noqa: E402

OPTIONS = ("--generate-hashes", "--no-header", "--no-strip-extras", "--quiet", "--python-version", "3.11")


def lock(name: str, *groups: str, of: str = "") -> None:
    """One lock from pyproject.toml, with dependency groups; `of`: another lock, whose versions it takes."""
    source = [*(f"--group={group}" for group in groups), "pyproject.toml", "--output-file", str(LOCKS / f"{name}.txt")]
    source += ["--constraint", str(LOCKS / f"{of}.txt")] if of else []
    uv = str(VENV / "bin" / "uv")
    subprocess.run([uv, "pip", "compile", *OPTIONS, *source], cwd=ROOT, env=uv_environment(), check=True)


def lock_apart(name: str) -> None:
    """Programs that run in an environment of their own: the clients of tests, what the hub is measured against."""
    uv, source = str(VENV / "bin" / "uv"), str(LOCKS / f"{name}.in")
    subprocess.run(
        [uv, "pip", "compile", *OPTIONS, "--universal", source, "--output-file", str(LOCKS / f"{name}.txt")],
        cwd=ROOT,
        env=uv_environment(),
        check=True,
    )


if __name__ == "__main__":
    lock("dev", "dev")
    lock("runtime", of="dev")  # what is tested is what runs
    lock_apart("clients")
    lock_apart("peers")
