"""`hub contracts` without a catalogue: lint, diff and show of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.contracts import app
from contracts.odcs import loader
from tests.contracts.making import document, item

PACK = Path(__file__).parents[2] / "packs" / "emergency" / "contracts"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("HUB_LANG", "en")
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_lint_tells_every_fault_and_ends_with_status_1(run: CliRunner, tmp_path: Path) -> None:
    bad = tmp_path / "bad.odcs.yaml"
    bad.write_text(loader.dump(document([item("N", "string", requird=True)])), encoding="utf-8")
    told = run.invoke(app, ["lint", str(tmp_path)])
    assert told.exit_code == 1
    assert told.exception is None or isinstance(told.exception, SystemExit)
    assert f"{bad}:" in told.output
    assert "did you mean required?" in told.output
    assert "0 contracts are right, 1 are wrong" in told.output


def test_lint_speaks_chinese(run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LANG", "zh")
    (tmp_path / "bad.odcs.yaml").write_text("a: 1", encoding="utf-8")
    assert "标准中没有 a" in run.invoke(app, ["lint", str(tmp_path)]).output


def test_lint_as_json(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "bad.odcs.yaml").write_bytes(b"\xff\xfe")
    (finding,) = json.loads(run.invoke(app, ["lint", "--json", str(tmp_path)]).output)
    assert {"source", "line", "column", "path", "problem", "problem_en", "instead", "instead_en"} == set(finding)


def test_the_demo_pack_is_right(run: CliRunner) -> None:
    told = run.invoke(app, ["lint", str(PACK)])
    assert told.exit_code == 0
    assert "0 are wrong" in told.output


def test_diff_says_why_and_which_version(run: CliRunner, tmp_path: Path) -> None:
    old, new = tmp_path / "old.odcs.yaml", tmp_path / "new.odcs.yaml"
    old.write_text(loader.dump(document([item("a", "string"), item("b", "string")])), encoding="utf-8")
    new.write_text(loader.dump(document([item("a", "string")])), encoding="utf-8")
    told = run.invoke(app, ["diff", str(old), str(new)])
    assert told.exit_code == 1
    assert "item removed" in told.output
    assert "version 2.0.0, rebuilt from landing" in told.output
    back = run.invoke(app, ["diff", str(new), str(old), "--json"])
    assert back.exit_code == 0
    assert json.loads(back.output)["next_version"] == "1.1.0"


def test_show_lists_items_and_what_is_asked(run: CliRunner) -> None:
    told = run.invoke(app, ["show", str(PACK / "major_hazard.odcs.yaml"), "--json"])
    shown = json.loads(told.output)
    assert shown["key"] == ["hazard_id"]
    assert {"rule", "item", "dimension", "zh", "en"} == set(shown["checks"][0])
    assert "credit-code" in {c["rule"] for c in shown["checks"]}
