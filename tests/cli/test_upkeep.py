"""`hub batch`, `release`, `lake`, `backup`, `restore`, `rebuild`, run as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import commands

ROOT = Path(__file__).parents[2]


@dataclass
class Line:
    """A command line over one home."""

    home: Path
    folder: Path

    def hub(self, *words: str, status: int = 0) -> str:
        done = commands.hub(self.home, *words, COLUMNS="240")
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stdout + done.stderr

    def told(self, *words: str) -> Any:
        return json.loads(self.hub(*words, "--json"))

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return str(self.folder / name)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A hub with one dataset."""
    folder = tmp_path_factory.mktemp("line")
    made = Line(folder / "var", folder)
    apart = {**os.environ, "HUB_HOME": str(made.home), "HUB_LANG": "en"}
    subprocess.run([sys.executable, "-m", "cli", "init"], cwd=ROOT, env=apart, capture_output=True, check=True)
    made.hub("onboard", made.file("little.csv", "code,name,n\n01,a,1\n02,b,2\n03,c,3\n"), "--key", "code")
    complete(made, "little")
    return made


def complete(line: Line, dataset: str) -> None:
    """What a steward adds to a drafted contract, as a higher version, so that its entry is published."""
    path = line.home / "contracts" / f"{dataset}.odcs.yaml"
    contract = yaml.safe_load(path.read_text("utf-8"))
    contract["version"] = "1.1.0"
    contract["customProperties"] += [
        {"property": "sharingUses", "value": ["工作参考"]},
        {"property": "classCode", "value": "205001"},
    ]
    path.write_text(yaml.safe_dump(contract, allow_unicode=True, sort_keys=False), encoding="utf-8")
    line.hub("contracts", "sync", str(path.parent))


def test_a_draft_entry_cannot_be_released(line: Line) -> None:
    line.hub("onboard", line.file("unfinished.csv", "code,name,n\n01,a,1\n02,b,2\n"), "--key", "code")
    refused = line.hub("release", "publish", "unfinished", status=1)
    assert "is not published (draft)" in refused
    assert "sharing uses" in refused
    assert line.told("release", "list", "unfinished") == []
    complete(line, "unfinished")
    assert line.told("release", "publish", "unfinished")["version"] == 1


def test_the_whole_life_of_a_batch(line: Line) -> None:
    assert line.told("release", "publish", "little")["rows"] == 3
    second = line.told("batch", "deliver", "little", line.file("second.csv", "code,name,n\n01,a,x\n02,bb,2\n04,d,4\n"))
    assert (second["received"], second["accepted"], second["quarantined"], second["updated"]) == (3, 2, 1, 1)
    assert "give digits only" in line.hub("batch", "show", second["batch"])
    exported = line.folder / "mend.csv"
    line.hub("batch", "export", second["batch"], "-o", str(exported))
    exported.write_text(exported.read_text("utf-8-sig").replace(",x,", ",9,"), encoding="utf-8")
    mended = line.told("batch", "deliver", "little", str(exported), "--corrects", second["batch"])
    assert mended["state"] == "loaded"
    assert line.told("batch", "show", second["batch"])["state"] == "corrected"
    version = line.told("release", "publish", "little")
    assert (version["version"], version["added"], version["changed"], version["removed"]) == (2, 1, 2, 0)
    line.hub("batch", "undo", mended["batch"], "--reason", "test")
    assert line.told("batch", "list", "--dataset", "little")[0]["state"] == "undone"
    assert line.told("release", "diff", "little", "1", "2")["added"] == 1
    assert line.told("release", "recall", "little", "1", "--reason", "test")["recall_reason"] == "test"
    assert [v["version"] for v in line.told("release", "list", "little")] == [2, 1]


def test_lake_status_and_upkeep(line: Line) -> None:
    assert {"resource", "raw"} <= {table["library"] for table in line.told("lake", "status")["tables"]}
    made = line.told("lake", "maintain", "--keep-days", "0", "--grace-minutes", "0", "--orphan-hours", "0")
    assert made["expired"] >= 0
    assert line.told("batch", "reconcile") == []
    assert next(one["state"] for one in line.told("rebuild", "little")) == "loaded"


def test_backup_and_restore(line: Line) -> None:
    made = line.told("backup", str(line.folder / "backups"))
    other = Line(line.folder / "other", line.folder)
    other.hub("restore", made["path"])
    assert other.told("batch", "list") == line.told("batch", "list")
    assert "overwritten" in other.hub("restore", made["path"], status=1)


def test_errors_say_what_to_do(line: Line) -> None:
    assert "hub batch list" in line.hub("batch", "show", "nothing", status=1)
    assert "--reason" in line.hub("batch", "undo", "nothing", status=1)
    assert "--reason" in line.hub("batch", "discard", "nothing", status=1)
    assert "undo" in line.hub("batch", "discard", line.told("batch", "list")[0]["id"], "--reason", "test", status=1)
    assert line.hub("batch", "deliver", "little", str(line.folder / "none.csv"), status=1)
