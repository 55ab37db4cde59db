"""docs/contracts.md: its example lints, its table of properties is the code's. `HUB_WRITE=1` writes the table anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from contracts.checks.compile import compile
from contracts.checks.formats import registry
from contracts.checks.formats.declared import declared
from contracts.odcs import loader, properties
from tests.contracts.checks.plugged import installed
from tests.contracts.making import agree, contract, item

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
BEGIN, END = "<!-- properties: begin (made by tests/contracts/test_docs.py, do not edit) -->", "<!-- properties: end -->"


def table() -> str:
    rows = ["| property | of | 用途 | what it is for |", "|---|---|---|---|"]
    for level, known in properties.LEVELS.items():
        rows += [f"| `{name}` | {level} | {about.zh} | {about.en} |" for name, about in known.items()]
    return "\n".join(rows)


def test_the_example_is_right_and_uses_nearly_every_check() -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made = loader.parse(example[0], str(PAGE))
    kinds = {check.kind for check in compile(made)}
    assert {
        "key",
        "type",
        "pattern",
        "credit-code",
        "division",
        "code-list",
        "values",
        "swapped",
        "reference",
        "row",
        "freshness",
    } <= kinds


def test_the_table_of_properties_is_the_codes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if os.environ.get("HUB_WRITE"):
        PAGE.write_text(wanted, encoding="utf-8")
    assert text == wanted or os.environ.get("HUB_WRITE"), (
        "docs/contracts.md is behind: HUB_WRITE=1 pytest tests/contracts/test_docs.py"
    )


def test_the_formats_of_their_page_are_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PAGE.parent / "add-a-format.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(yaml|python)\n(.*?)```", text, re.DOTALL))
    (tmp_path / "formats.yaml").write_text(blocks["yaml"], encoding="utf-8")
    assert [one.name for one in declared(tmp_path / "formats.yaml")] == ["gauge-code"]
    (tmp_path / "ship_formats.py").write_text(blocks["python"], encoding="utf-8")
    with installed(tmp_path, "imo-number = ship_formats:ImoNumber", monkeypatch):
        form = registry.of("imo-number")
        made = contract([item("imo", "string", own={"domainFormat": "imo-number"})])
        _, faults = agree(made, [{"imo": text} for text in (*form.valid, *form.invalid, None)])
    assert {row for row, *_ in faults} == {1, 2, 3}
