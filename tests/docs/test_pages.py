"""The documentation is true: its commands run on a demo, its links lead somewhere, its verbs exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import VERBS
from tests.demo.made import Made
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
RUNNABLE = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
VERB = re.compile(r"(?:^|`|/)hub ([a-z]+)\b", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in PAGES if RUNNABLE.search(page.read_text(encoding="utf-8"))], ids=name)
def test_its_commands_run(page: Path, demo: Made, tmp_path: Path) -> None:
    """All of a page's commands in order, in one shell, on a demo of its own; the first that fails ends it."""
    home = demo.copy(tmp_path / "var").home
    work = tmp_path / "work"
    work.mkdir()
    (work / "packs").symlink_to(ROOT / "packs")
    script = "set -euo pipefail\n" + "\n".join(RUNNABLE.findall(page.read_text(encoding="utf-8")))
    bin_folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "HUB_HOME": str(home),
        "HUB_LANG": "en",
    }
    done = subprocess.run(
        ["bash", "-x", "-c", script], cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_its_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_verbs_it_names_exist(page: Path) -> None:
    verbs = {verb for chapter in VERBS.values() for verb in chapter}
    assert set(VERB.findall(page.read_text(encoding="utf-8"))) <= verbs


def test_every_setting_is_in_the_reference() -> None:
    """The table of the administrator's page, against the class and what is read beside it."""
    page = (ROOT / "docs" / "administrator.md").read_text(encoding="utf-8")
    told = set(re.findall(r"HUB_[A-Z_]+", "\n".join(line for line in page.splitlines() if line.startswith("| HUB_"))))
    read = {f"HUB_{name.upper()}" for name in Settings.model_fields} - {"HUB_CLOCK"}
    assert read | {"HUB_AS", "HUB_LANG"} <= told


def test_there_is_a_page_for_every_role() -> None:
    from catalog.identity.people import Role

    assert {f"{role}.md" for role in Role} <= {page.name for page in PAGES}


def test_the_first_screen_shows_what_it_is_the_two_commands_and_a_picture() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20]
    assert any("make demo" in line for line in first)
    assert any("make test" in line for line in first)
    picture = next(re.search(r"!\[[^]]+\]\(([^)]+)\)", line) for line in first if line.startswith("!["))
    assert picture
    assert 20_000 < (ROOT / picture.group(1)).stat().st_size < 300_000


def test_make_alone_lists_the_targets() -> None:
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  make (\S+)", listed, re.MULTILINE))
    assert {"setup", "demo", "serve", "test", "lint", "bench", "crash-test", "clean"} <= targets
