"""`hub onboard` as people run it: one home, a real lake and catalogue."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result
from sqlmodel import select
from typer.testing import CliRunner

from catalog.audit.chain import AuditRecord
from catalog.entries.contracts import active
from catalog.entries.resources import Resource
from catalog.store import database
from cli.init import prepare
from cli.main import app
from cli.terminal.prompts import UnusableAnswer
from contracts.odcs import loader
from warehouse.foreign import files
from warehouse.settings import Settings
from warehouse.storage.connection import forget, reader

from .conftest import lines

Hub = Callable[..., Result]


@pytest.fixture
def hub(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("HUB_HOME", str(settings.home))
    monkeypatch.setenv("HUB_LANG", "en")
    prepare(settings, divisions=tmp_path)
    runner = CliRunner()
    yield lambda *words: runner.invoke(app, ["onboard", *map(str, words)])
    forget(settings)


def told(result: Result) -> dict[str, Any]:
    """The line of JSON that ends standard output."""
    assert result.exit_code == 0, (result.stderr, result.exception)
    return dict(json.loads(result.stdout.strip().splitlines()[-1]))


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str | bytes, name: str = "企业名单.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


GOOD = "企业编号,企业名称,产值\n" + lines(50, lambda n: f"A{n:03d},企业{n},{n}.5")


class TestNew:
    def test_it_is_loaded_and_told(self, hub: Hub, file, settings: Settings) -> None:
        result = told(hub(file(GOOD.encode("gbk")), "--json"))
        assert {k: result[k] for k in ("dataset", "received", "accepted", "quarantined", "encoding")} == {
            "dataset": "enterprise_list", "received": 50, "accepted": 50, "quarantined": 0, "encoding": "gb18030"}  # fmt: skip
        assert result["columns"][0] == {"source": "企业编号", "name": "enterprise_number"}
        with reader(settings) as connection:
            rows = connection.execute("SELECT enterprise_name FROM resource.enterprise_list WHERE enterprise_number = 'A007'")
            assert rows.fetchall() == [("企业7",)]

    def test_the_draft_is_a_valid_contract_in_a_file_and_in_the_catalogue(self, hub: Hub, file, settings: Settings) -> None:
        result = told(hub(file(GOOD), "--json"))
        contract = loader.read(Path(result["contract"]))
        assert (contract.title, contract.key, contract.reading["delimiter"]) == ("企业名单", ("enterprise_number",), ",")
        assert Path(result["contract"]).with_name("enterprise_list.profile.md").read_text(encoding="utf-8").count("\n") > 8
        with database.session(settings.catalog_database) as session:
            assert active(session, "enterprise_list").text == contract.text
            assert session.exec(select(Resource).where(Resource.name == "enterprise_list")).one().state == "draft"
            record = session.exec(select(AuditRecord).where(AuditRecord.action == "onboard")).one()
        assert (record.object, record.detail["received"], record.detail["new_dataset"]) == ("enterprise_list", 50, True)

    def test_broken_rows_are_received_and_quarantined(self, hub: Hub, file) -> None:
        text = GOOD.replace("A007,企业7,7.5", "A007,企业7,7.5,多,余").encode() + b"A999,\xff\xfe,1.5\n"
        result = told(hub(file(text), "--json"))
        assert (result["received"], result["accepted"], result["quarantined"]) == (51, 49, 2)

    def test_it_is_said_in_words_without_json(self, hub: Hub, file) -> None:
        result = hub(file(GOOD))
        assert result.exit_code == 0
        assert "received 50 = accepted 50 + quarantined 0" in result.stdout

    def test_an_owner_must_exist(self, hub: Hub, file) -> None:
        result = hub(file(GOOD), "--owner", "nobody")
        assert "nobody" in str(result.exception)

    def test_no_such_file(self, hub: Hub, tmp_path: Path) -> None:
        assert "no file" in str(hub(tmp_path / "none.csv").exception)


class TestUndecided:
    AMBIGUOUS = "id,when\n" + lines(50, lambda n: f"A{n},{n % 12 + 1}/{n % 11 + 1}/2024")

    def test_nothing_is_loaded_and_the_command_is_printed(self, hub: Hub, file, settings: Settings) -> None:
        path = file(self.AMBIGUOUS, "a b.csv")
        result = hub(path, "--json")
        assert result.exit_code == 2
        assert "Nothing was loaded" in result.stderr
        commands = json.loads(result.stdout.strip().splitlines()[-1])["commands"]
        assert len(commands) == 2
        assert all(command in result.stderr for command in commands)
        with reader(settings) as connection:
            assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'resource'").fetchone() == (0,)
        for command in commands:
            assert shlex.split(command)[:3] == ["hub", "onboard", str(path)]

    def test_the_printed_command_settles_it(self, hub: Hub, file) -> None:
        commands = json.loads(hub(file(self.AMBIGUOUS, "a.csv"), "--json").stdout.strip().splitlines()[-1])["commands"]
        assert told(hub(*shlex.split(commands[0])[2:]))["accepted"] == 50

    def test_every_question_is_put_at_once(self, hub: Hub, file) -> None:
        text = "id;when;price\n" + lines(50, lambda n: f"A{n};{n % 12 + 1}/{n % 11 + 1}/2024;{n + 1},{100 + n}")
        result = hub(file(text, "a.csv"), "--json")
        asked = json.loads(result.stdout.strip().splitlines()[-1])["undecided"]
        assert [question["option"] for question in asked] == ["--dates", "--decimal"]

    @pytest.mark.parametrize(
        "option", [("--dates", "when=sometime"), ("--type", "when=money"), ("--header", "first"), ("--dataset", "Ä")]
    )
    def test_answers_that_say_nothing_are_refused(self, hub: Hub, file, option: tuple[str, str]) -> None:
        result = hub(file(self.AMBIGUOUS, "a.csv"), *option)
        assert result.exit_code == 1
        assert result.exception is not None


class TestAgain:
    def test_the_same_bytes_change_nothing(self, hub: Hub, file, settings: Settings) -> None:
        first = told(hub(file(GOOD), "--json"))
        again = told(hub(file(GOOD), "--json"))
        assert (again["dataset"], again["no_op"], again["batch"]) == (first["dataset"], True, first["batch"])
        with reader(settings) as connection:
            assert connection.execute("SELECT count(*) FROM resource.enterprise_list").fetchone() == (50,)

    def test_the_same_name_is_the_next_delivery(self, hub: Hub, file, settings: Settings) -> None:
        told(hub(file(GOOD), "--json"))
        result = told(hub(file(GOOD.replace("7.5", "8.5") + "A900,新企业,1.5\n"), "--json"))
        assert (result["dataset"], result["received"], result["accepted"]) == ("enterprise_list", 51, 51)
        with reader(settings) as connection:
            assert connection.execute("SELECT count(*) FROM resource.enterprise_list").fetchone() == (51,)

    def test_the_next_delivery_may_change_its_encoding(self, hub: Hub, file) -> None:
        told(hub(file(GOOD.encode("gbk")), "--json"))
        result = told(hub(file(GOOD + "A900,新企业,1.5\n"), "--json"))
        assert (result["encoding"], result["quarantined"]) == ("utf-8", 0)

    def test_other_columns_are_asked(self, hub: Hub, file) -> None:
        told(hub(file(GOOD), "--json"))
        result = hub(file("企业编号,电话\n" + lines(30, lambda n: f"A{n},138{n:08d}")), "--json")
        asked = json.loads(result.stdout.strip().splitlines()[-1])
        assert (result.exit_code, asked["undecided"][0]["option"]) == (2, "--dataset")
        assert told(hub(*shlex.split(asked["commands"][0])[2:]))["dataset"] == "enterprise_list_2"

    def test_another_file_name_is_asked(self, hub: Hub, file) -> None:
        told(hub(file(GOOD, "list_2024-01-05.csv"), "--json"))
        other = file(GOOD + "A900,新企业,1.5\n", "list_2024-02-05.csv")
        result = hub(other, "--json")
        assert result.exit_code == 2
        assert told(hub(other, "--dataset", "list", "--json"))["received"] == 51


class TestNames:
    """Files with names that shells, databases and other systems stumble over."""

    def test_a_name_from_windows_is_told_to_be_renamed(self, hub: Hub, tmp_path: Path) -> None:
        path = os.fsencode(tmp_path) + b"/" + "名单.csv".encode("gbk")
        with open(path, "wb") as file:
            file.write(GOOD.encode())
        result = hub(os.fsdecode(path))
        assert isinstance(result.exception, UnusableAnswer)
        assert "名单.csv). Rename it" in result.exception.message_en

    @pytest.mark.parametrize("name", ["a b.csv", "a'b\".csv", "a\nb.csv", "[1]*{x}?.csv", "$(x);.csv", "数据😀"])
    def test_odd_names_are_only_names(self, hub: Hub, file, name: str) -> None:
        assert told(hub(file(GOOD, name), "--json"))["accepted"] == 50

    def test_names_that_begin_like_options(self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        book = openpyxl.Workbook()
        for sheet in (book.active, book.create_sheet("-旧")):
            for row in [["编号", "值"], *([f"A{n}", n] for n in range(20))]:
                sheet.append(row)
        book.save(tmp_path / "-a.xlsx")
        monkeypatch.chdir(tmp_path)
        commands = json.loads(hub("--json", "--", "-a.xlsx").stdout.splitlines()[-1])["commands"]
        command = shlex.split(next(command for command in commands if "旧" in command))
        assert command[2:4] == ["./-a.xlsx", "--sheet=-旧"]
        assert told(hub(*command[2:]))["accepted"] == 20

    def test_a_file_that_is_still_written(self, hub: Hub, file, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        path = file(GOOD)
        draft = files.draft_contract

        def slowly(*told: Any, **more: Any) -> Any:
            made = draft(*told, **more)
            path.write_text(GOOD + "A900,企业,1\n", encoding="utf-8")
            return made

        monkeypatch.setattr(files, "draft_contract", slowly)
        assert "still changing" in hub(path).exception.message_en
        with database.session(settings.catalog_database) as session:
            assert session.exec(select(Resource).where(Resource.name == "enterprise_list")).first() is None
