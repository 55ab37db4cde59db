"""What set-up brings from npm: pinned, without addresses, and every icon that pages name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PORTAL = ROOT / "api" / "portal"
VENDOR = PORTAL / "static" / "vendor"


def test_packages_are_pinned_and_no_address_stands_in_the_lock() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    lock = (ROOT / "package-lock.json").read_text()
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    assert all(package.get("integrity") for name, package in packages.items() if name)


def test_every_icon_that_pages_name_is_in_the_sprite() -> None:
    listed = {line.split("#")[0].strip() for line in (PORTAL / "icons.txt").read_text().splitlines()} - {""}
    named: set[str] = set()
    for page in (PORTAL / "templates").rglob("*.html"):
        named |= set(re.findall(r'icon\("([\w-]+)"', page.read_text()))
    for module in PORTAL.rglob("*.py"):
        named |= set(re.findall(r'Word\(N_\("[^"]+"\), "([\w-]+)"', module.read_text()))
    assert named <= listed
    if VENDOR.exists():
        sprite = set(re.findall(r'<symbol id="([\w-]+)"', (VENDOR / "icons.svg").read_text()))
        assert listed == sprite


def test_bringing_them_again_changes_nothing() -> None:
    if not (VENDOR / ".stamp").exists():
        pytest.skip("the portal's assets are not set up here (python deploy/assets.py)")
    before = {path.name: path.stat().st_mtime_ns for path in VENDOR.iterdir()}
    subprocess.run([sys.executable, ROOT / "deploy" / "assets.py"], check=True)
    assert {path.name: path.stat().st_mtime_ns for path in VENDOR.iterdir()} == before


def test_no_file_of_a_third_party_is_in_git() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "api/portal", "node_modules"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not [name for name in listed.stdout.splitlines() if "vendor" in name or "node_modules" in name]
