# ruff: noqa: E501 - tables of cases are read line by line
"""What breaks between two versions of a contract, and what only adds."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from contracts.odcs import loader
from contracts.odcs.compare import compare
from tests.contracts.making import document, item

BASE = document(
    [
        item(
            "id",
            "string",
            {"maxLength": 8},
            primaryKey=True,
            primaryKeyPosition=1,
            required=True,
            businessName="编号",
            examples=["A1"],
        ),
        item("n", "integer", {"minimum": 1, "maximum": 9}),
        item("d", "date", own={"maximum": "today", "dateFormats": ["%Y/%m/%d"]}),
        item("amount", "number", own={"precision": 8, "scale": 2}),
        item(
            "kind",
            "string",
            quality=[{"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["a", "b"]}, "mustBe": 0}],
        ),
        item("code", "string", own={"codeList": "level"}),
        item("lon", "number", own={"domainFormat": "longitude", "datum": "WGS84", "bounds": [100, 120]}),
        item("lat", "number", own={"domainFormat": "latitude", "datum": "WGS84"}),
    ],
    [{"type": "custom", "engine": "hui", "name": "r", "implementation": "n > 0"}],
    delivery="changes",
    cycle="每月",
)
Items = list[dict[str, Any]]
Change = Callable[[dict[str, Any], Items], object]


def changed(change: Change) -> Any:
    """The comparison of the base with itself changed."""
    new = deepcopy(BASE)
    change(new, new["schema"][0]["properties"])
    return compare(loader.parse(loader.dump(BASE)), loader.parse(loader.dump(new)))


def own(part: dict[str, Any], name: str, value: Any) -> None:
    entries = part.setdefault("customProperties", [])
    entries[:] = [e for e in entries if e["property"] != name] + [{"property": name, "value": value}]


def values(part: dict[str, Any], allowed: list[str]) -> None:
    part["quality"][0]["arguments"]["validValues"] = allowed


BREAKING: list[tuple[str, Change]] = [
    ("item removed", lambda d, i: i.pop(1) and d["schema"][0].pop("quality")),
    ("item renamed", lambda d, i: i[4].update(name="sort")),
    ("type changed", lambda d, i: i.__setitem__(4, item("kind", "integer"))),
    ("scale lost", lambda d, i: own(i[3], "scale", 1)),
    ("whole digits lost", lambda d, i: own(i[3], "scale", 4)),
    ("now required", lambda d, i: i[1].update(required=True)),
    ("now unique", lambda d, i: i[1].update(unique=True)),
    ("new required item", lambda d, i: i.append(item("x", "string", required=True))),
    ("tighter minimum", lambda d, i: i[1]["logicalTypeOptions"].update(minimum=2)),
    ("tighter maximum", lambda d, i: i[1]["logicalTypeOptions"].update(maximum=8)),
    ("bound excluded", lambda d, i: i[1].update(logicalTypeOptions={"exclusiveMinimum": 1, "maximum": 9})),
    ("shorter", lambda d, i: i[0]["logicalTypeOptions"].update(maxLength=7)),
    ("pattern", lambda d, i: i[0]["logicalTypeOptions"].update(pattern="^A")),
    ("value gone", lambda d, i: values(i[4], ["a"])),
    ("other code list", lambda d, i: own(i[5], "codeList", "long")),
    ("other datum", lambda d, i: (own(i[6], "datum", "CGCS2000"), own(i[7], "datum", "CGCS2000"))),
    ("narrower bounds", lambda d, i: own(i[6], "bounds", [101, 120])),
    ("date read otherwise", lambda d, i: own(i[2], "dateFormats", ["%d/%m/%Y"])),
    ("key", lambda d, i: (i[0].update(primaryKeyPosition=1), i[1].update(primaryKey=True, primaryKeyPosition=2, required=True))),
    ("delivery", lambda d, i: own(d, "delivery", "full")),
    ("versionBy", lambda d, i: own(d, "versionBy", "d")),
    ("table renamed", lambda d, i: d["schema"][0].update(name="other")),
    ("new row rule", lambda d, i: d["schema"][0]["quality"].append({"type": "custom", "engine": "hui", "name": "q", "implementation": "n < 9"})),
    ("other row rule", lambda d, i: d["schema"][0]["quality"][0].update(implementation="n > 1")),
]  # fmt: skip
ADDITIVE: list[tuple[str, Change]] = [
    ("new optional item", lambda d, i: i.append(item("x", "string"))),
    ("wider numbers", lambda d, i: i[1]["logicalTypeOptions"].update(minimum=0, maximum=10)),
    ("bound gone", lambda d, i: i[1]["logicalTypeOptions"].pop("minimum")),
    ("longer", lambda d, i: i[0]["logicalTypeOptions"].update(maxLength=9)),
    ("more decimals and digits", lambda d, i: (own(i[3], "precision", 10), own(i[3], "scale", 3))),
    ("value added", lambda d, i: values(i[4], ["a", "b", "c"])),
    ("code list gone", lambda d, i: i[5].pop("customProperties")),
    ("wider bounds", lambda d, i: own(i[6], "bounds", [99, 121])),
    ("format added", lambda d, i: own(i[2], "dateFormats", ["%Y/%m/%d", "%Y-%m-%d"])),
    ("title", lambda d, i: i[1].update(businessName="数")),
    ("grade", lambda d, i: i[1].update(classification="L3")),
    ("order", lambda d, i: i.insert(0, i.pop(1))),
    ("row rule gone", lambda d, i: d["schema"][0].pop("quality")),
    ("row count", lambda d, i: d["schema"][0]["quality"].append({"type": "library", "metric": "rowCount", "mustBeGreaterThan": 1})),
    ("cycle", lambda d, i: own(d, "cycle", "每日")),
    ("abstract", lambda d, i: d.update(description={"purpose": "新"})),
]  # fmt: skip


@pytest.mark.parametrize("change", [c for _, c in BREAKING], ids=[n for n, _ in BREAKING])
def test_breaks(change: Change) -> None:
    found = changed(change)
    assert found.breaking, found
    assert found.changes[0].breaking
    assert found.next_version("1.4.2") == "2.0.0"
    assert all(c.why_zh and c.why_en for c in found.changes)


@pytest.mark.parametrize("change", [c for _, c in ADDITIVE], ids=[n for n, _ in ADDITIVE])
def test_adds(change: Change) -> None:
    found = changed(change)
    assert found.changes
    assert not found.breaking, found
    assert found.next_version("1.4.2") == "1.5.0"


def test_nothing_changed() -> None:
    found = changed(lambda d, i: None)
    assert found.same
    assert found.next_version("1.4.2") == "1.4.2"


def test_a_rename_is_suspected() -> None:
    found = changed(lambda d, i: i[0].update(name="number"))
    assert any("it looks renamed to number" in c.why_en for c in found.changes)


def test_from_required_to_optional_adds() -> None:
    old = document([item("a", "string", required=True)])
    new = document([item("a", "string")])
    assert not compare(loader.parse(loader.dump(old)), loader.parse(loader.dump(new))).breaking
