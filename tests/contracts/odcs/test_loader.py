# ruff: noqa: E501 - tables of cases are read line by line
"""Everything that is wrong with a contract is told, where it stands, and what to write instead."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.checks.formats import registry as formats
from contracts.model import Delivery, Type
from contracts.odcs import loader
from contracts.odcs.loader import InvalidContract
from tests.contracts.making import contract, document, item

ROOT = Path(__file__).parents[3]
PACK = ROOT / "packs" / "emergency" / "contracts"

GOOD = document(
    [
        item(
            "id",
            "string",
            {"pattern": "^[A-Z]{2}[0-9]+$"},
            {"titleEn": "ID"},
            primaryKey=True,
            primaryKeyPosition=1,
            required=True,
        ),
        item("n", "integer", {"minimum": 0, "maximum": 9}),
        item("started_on", "date", own={"maximum": "today"}),
        item("at", "timestamp"),
        item("lon", "number", own={"domainFormat": "longitude", "datum": "CGCS2000", "bounds": [121, 135]}),
        item("lat", "number", own={"domainFormat": "latitude", "datum": "CGCS2000"}),
        item("kind", "string", own={"codeList": "level"}),
    ],
    [{"type": "custom", "engine": "hui", "name": "small", "implementation": "n < 5 OR id LIKE 'A%'", "description": "小"}],
    delivery="changes",
    versionBy="at",
    sharingType=1,
)


def findings(made: dict[str, Any] | str) -> list[loader.Finding]:
    """What lint says of a document; nothing where it is right."""
    try:
        loader.parse(made if isinstance(made, str) else loader.dump(made), "c.odcs.yaml")
    except InvalidContract as error:
        return list(error.findings)
    return []


Change = Callable[[dict[str, Any], dict[str, Any], list[dict[str, Any]]], object]
"""Changes a document, its table, its items."""


def own(part: dict[str, Any], name: str, value: Any) -> None:
    """Set a custom property."""
    entries = part.setdefault("customProperties", [])
    entries[:] = [e for e in entries if e["property"] != name] + [{"property": name, "value": value}]


WRONG: list[tuple[str, Change, str, str]] = [
    ("unknown key at the top", lambda d, t, i: d.update(titel="x"), "titel", "the standard has no titel"),
    ("misspelt key of an item", lambda d, t, i: i[0].update(requird=True), "schema[0].properties[0].requird", "did you mean required?"),
    ("unknown key deep inside", lambda d, t, i: i[1]["logicalTypeOptions"].update(minimun=3), "logicalTypeOptions.minimun", "minimum"),
    ("option of another type", lambda d, t, i: i[1]["logicalTypeOptions"].update(maxLength=3), "logicalTypeOptions.maxLength", "no maxLength"),
    ("unknown key of a description", lambda d, t, i: d.update(description={"purpos": "x"}), "description.purpos", "purpose"),
    ("missing id", lambda d, t, i: d.pop("id"), "$", "id is missing"),
    ("version as a number", lambda d, t, i: d.update(version=1.5), "version", "put it in quotes: '1.5'"),
    ("version in words", lambda d, t, i: d.update(version="first"), "version", "write 1.0.0"),
    ("kind", lambda d, t, i: d.update(kind="Contract"), "kind", "DataContract"),
    ("status", lambda d, t, i: d.update(status="live"), "status", "one of: draft"),
    ("old standard", lambda d, t, i: d.update(apiVersion="v2.2.2"), "apiVersion", "v3.1.0"),
    ("no table", lambda d, t, i: d.pop("schema"), "schema", "exactly one dataset"),
    ("two tables", lambda d, t, i: d["schema"].append(dict(t, name="b")), "schema", "exactly one dataset, this has 2"),
    ("name with capitals", lambda d, t, i: i[1].update(name="Level"), "schema[0].properties[1].name", "like level"),
    ("Chinese name", lambda d, t, i: i[1].update(name="等级"), "schema[0].properties[1].name", "businessName"),
    ("name that is SQL", lambda d, t, i: i[1].update(name='n"; drop'), "schema[0].properties[1].name", "machine name"),
    ("reserved name", lambda d, t, i: i[1].update(name="_batch"), "schema[0].properties[1].name", "reserved"),
    ("name twice", lambda d, t, i: i[1].update(name="id"), "schema[0].properties[1].name", "name of item 1"),
    ("no type", lambda d, t, i: i[3].pop("logicalType"), "schema[0].properties[3]", "logicalType is missing"),
    ("type of nobody", lambda d, t, i: i[3].update(logicalType="datetime"), "logicalType", "not allowed"),
    ("nested item", lambda d, t, i: i[3].update(logicalType="object"), "logicalType", "flatten"),
    ("quoted boolean", lambda d, t, i: i[0].update(required="yes"), "schema[0].properties[0].required", "write true or false"),
    ("key not required", lambda d, t, i: i[0].pop("required"), "schema[0].properties[0]", "not required"),
    ("key positions", lambda d, t, i: i[0].update(primaryKeyPosition=2), "primaryKeyPosition", "must be 1 to 1"),
    ("changes without key", lambda d, t, i: i[0].update(primaryKey=False, primaryKeyPosition=-1), "schema[0]", "needs a primary key"),
    ("delivery", lambda d, t, i: own(d, "delivery", "upsert"), "customProperties", "must be one of append, changes, full"),
    ("versionBy of nobody", lambda d, t, i: own(d, "versionBy", "att"), "customProperties", "did you mean at?"),
    ("versionBy a text", lambda d, t, i: own(d, "versionBy", "kind"), "customProperties", "no order in time"),
    ("our property misspelt", lambda d, t, i: own(i[6], "codelist", "level"), "customProperties[1].property", "did you mean codeList?"),
    ("our property of no one", lambda d, t, i: own(d, "colour", "red"), "customProperties[3].property", "prefix another tool's"),
    ("our property one level off", lambda d, t, i: own(d, "codeList", "x"), "customProperties[3].property", "belongs to the customProperties of an item"),
    ("format of a number", lambda d, t, i: own(i[1], "domainFormat", "credit-code"), "customProperties", "leading zeros"),
    ("no such format", lambda d, t, i: own(i[6], "domainFormat", "creditcode"), "customProperties", "did you mean credit-code?"),
    ("coordinate without datum", lambda d, t, i: i[4].update(customProperties=[{"property": "domainFormat", "value": "longitude"}]), "customProperties[0].value", "needs a datum"),
    ("Mars coordinates", lambda d, t, i: own(i[4], "datum", "GCJ02"), "customProperties", "WGS84, CGCS2000"),
    ("lonely longitude", lambda d, t, i: i.pop(5), "schema[0].properties", "1 longitudes, 0 latitudes"),
    ("two data", lambda d, t, i: own(i[5], "datum", "WGS84"), "schema[0].properties", "different data"),
    ("bounds upside down", lambda d, t, i: own(i[4], "bounds", [135, 121]), "customProperties", "must be below"),
    ("bounds beyond the globe", lambda d, t, i: own(i[5], "bounds", [0, 91]), "customProperties", "within ±90"),
    ("minimum above maximum", lambda d, t, i: i[1]["logicalTypeOptions"].update(minimum=10), "logicalTypeOptions.minimum", "above the maximum"),
    ("two bounds", lambda d, t, i: i[1]["logicalTypeOptions"].update(exclusiveMinimum=1), "logicalTypeOptions.minimum", "only one"),
    ("bound in half", lambda d, t, i: i[1]["logicalTypeOptions"].update(minimum=0.5), "logicalTypeOptions.minimum", "no valid integer"),
    ("bound that is no date", lambda d, t, i: i[2].update(logicalTypeOptions={"minimum": "2023-02-30"}), "logicalTypeOptions.minimum", "no valid date"),
    ("today for a number", lambda d, t, i: own(i[1], "maximum", "today"), "schema[0].properties[1]", "for dates only"),
    ("lengths", lambda d, t, i: i[6].update(logicalTypeOptions={"minLength": 5, "maxLength": 3}), "logicalTypeOptions.minLength", "above maxLength"),
    ("broken pattern", lambda d, t, i: i[0]["logicalTypeOptions"].update(pattern="[a-"), "logicalTypeOptions.pattern", "the pattern is wrong"),
    ("look-ahead", lambda d, t, i: i[0]["logicalTypeOptions"].update(pattern="(?=a)b"), "logicalTypeOptions.pattern", "look-around"),
    ("class in a class", lambda d, t, i: i[0]["logicalTypeOptions"].update(pattern="[a[b]c]"), "logicalTypeOptions.pattern", "inside brackets"),
    ("repetition that RE2 refuses", lambda d, t, i: i[0]["logicalTypeOptions"].update(pattern="a{2000}"), "logicalTypeOptions.pattern", "RE2"),
    ("date format", lambda d, t, i: own(i[2], "dateFormats", ["%Y-%m-%q"]), "customProperties", "%q is not supported"),
    ("date without a day", lambda d, t, i: own(i[2], "dateFormats", ["%Y-%m"]), "customProperties", "day is missing"),
    ("date with a clock", lambda d, t, i: own(i[2], "dateFormats", ["%Y-%m-%d %H:%M"]), "customProperties", "type timestamp"),
    ("JDK letters of no one", lambda d, t, i: i[2].update(logicalTypeOptions={"format": "yyyy-ww"}), "logicalTypeOptions.format", "ww is not known"),
    ("zone of no place", lambda d, t, i: i[3].update(logicalTypeOptions={"defaultTimezone": "Asia/Harbin2"}), "defaultTimezone", "no zone"),
    ("epoch of a date", lambda d, t, i: own(i[2], "epoch", "seconds"), "customProperties", "does not fit a date"),
    ("scale without precision", lambda d, t, i: own(i[4], "scale", 2), "customProperties", "go together"),
    ("reference", lambda d, t, i: i[6].update(relationships=[{"to": "Division.code"}]), "relationships[0].to", "write dataset.item"),
    ("grade", lambda d, t, i: i[0].update(classification="secret"), "classification", "write L1 to L4"),
    ("rule on nobody", lambda d, t, i: t["quality"][0].update(implementation="m > 1"), "quality[0].implementation", "there is no item m"),
    ("rule that is no condition", lambda d, t, i: t["quality"][0].update(implementation="n + 1"), "quality[0].implementation", "must be true or false"),
    ("rule with a query", lambda d, t, i: t["quality"][0].update(implementation="n IN (SELECT 1)"), "quality[0].implementation", "list of values"),
    ("rule of another engine", lambda d, t, i: t["quality"][0].update(engine="soda"), "quality[0].engine", "write engine: hui"),
    ("rule without operator", lambda d, t, i: t["quality"].append({"type": "library", "metric": "rowCount"}), "quality[1]", "exactly one comparison"),
    ("SQL rule", lambda d, t, i: t["quality"].append({"type": "sql", "query": "SELECT 1", "mustBe": 1}), "quality[1]", "no rule sql"),
    ("rows upside down", lambda d, t, i: t["quality"].append({"type": "library", "metric": "rowCount", "mustBeBetween": [9, 1]}), "quality[1].mustBeBetween", "above the second"),
    ("freshness of nobody", lambda d, t, i: d.update(slaProperties=[{"property": "latency", "value": 3, "element": "tried.on"}]), "slaProperties[0].element", "there is no item on"),
    ("freshness of a text", lambda d, t, i: d.update(slaProperties=[{"property": "latency", "value": 3, "element": "tried.kind"}]), "slaProperties[0].element", "is no date"),
    ("conditional without condition", lambda d, t, i: own(d, "sharingType", 2), "customProperties", "name its condition"),
    ("withheld without basis", lambda d, t, i: own(d, "sharingType", 3), "customProperties", "cite a law"),
    ("header claimed twice", lambda d, t, i: (own(i[1], "sourceNames", ["X"]), own(i[3], "sourceNames", ["x "])), "schema[0].properties[3]", "belongs to n"),
    ("physical name", lambda d, t, i: t.update(physicalName="other"), "schema[0].physicalName", "differs"),
    ("unknown key of reading", lambda d, t, i: own(d, "reading", {"encodin": "gbk"}), "customProperties", "did you mean encoding?"),
]  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize(("change", "path", "told"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
    def test_each_fault_is_told_at_its_place(self, change: Change, path: str, told: str) -> None:
        made = copy.deepcopy(GOOD)
        change(made, made["schema"][0] if "schema" in made else {}, made["schema"][0]["properties"])
        found = findings(made)
        said = [f.said("en") for f in found]
        assert any(path in f.path and told in f.said("en") for f in found), said
        assert all(f.problem and f.line >= 1 and f.column >= 1 for f in found)
        chinese = [f.said("zh") for f in found]
        assert all(any("\u4e00" <= c <= "\u9fff" for c in line) for line in chinese), chinese

    def test_all_faults_at_once_in_the_order_of_the_text(self) -> None:
        made = copy.deepcopy(GOOD)
        items = made["schema"][0]["properties"]
        items[0]["requird"], items[1]["name"], made["version"] = True, "N", "x"
        found = findings(made)
        assert len(found) >= 3
        assert [f.line for f in found] == sorted(f.line for f in found)

    def test_line_and_column_are_those_of_the_part(self) -> None:
        text = loader.dump(GOOD).replace("required: true", "requird: true")
        line = next(n for n, t in enumerate(text.splitlines(), 1) if "requird" in t)
        (found,) = [f for f in findings(text) if f.path.endswith("requird")]
        assert (found.line, text.splitlines()[line - 1][found.column - 1 :]) == (line, "requird: true")

    def test_repeated_key(self) -> None:
        (found,) = findings(loader.dump(GOOD) + "status: draft\n")
        assert "line 6 has it already" in found.problem_en
        assert found.path == "status"

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "just text", "a: [", "a: b: c", "\tx: 1", "&a [*a]", "a: &x [*x]", "? [1]\n: 2", "--- 1\n--- 2", "a: !!python/object:os.system x",
         "%YAML 9\n---\na: 1", "\x00", "a: '\ud7ff", "{" * 500, "- " * 400, "schema: 3", "schema: [3]", "schema: [{properties: 4}]",
         "schema: [{name: a, properties: [1, null, {}]}]", "schema: [{name: a, properties: [{name: 3, logicalType: 4}]}]",
         "customProperties: {a: 1}", "customProperties: [1, {property: 3}]", "slaProperties: [{property: latency}]",
         "schema: [{name: a, quality: [{type: custom, name: 3, engine: hui, implementation: {a: 1}}], properties: [{name: b, logicalType: string}]}]",
         "schema: [{name: a, properties: [{name: b, logicalType: string, customProperties: [{property: sourceNames, value: 3}]}]}]",
         "schema: [{name: a, properties: [{name: b, logicalType: integer, logicalTypeOptions: {minimum: x, maximum: [1]}}]}]",
         "schema: [{name: a, properties: [{name: b, logicalType: string, relationships: [3], quality: [3, {metric: invalidValues}]}]}]"],
    )  # fmt: skip
    def test_broken_documents_are_findings_never_tracebacks(self, text: str) -> None:
        found = findings(text)
        assert found
        assert all(f.said("zh") and f.said("en") for f in found)

    def test_aliases_that_explode(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
        ]
        (found,) = findings("\n".join(lines))
        assert "expand too far" in found.problem_en

    @pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "a: " + "{b: " * 200_000])
    def test_endless_nesting_does_not_end_the_process(self, text: str) -> None:
        """YAML's C composer recurses without a limit: apart, or a failure would take the suite with it."""
        read = "import sys; from contracts.odcs import loader as lint; lint.parse(sys.stdin.read(), 'c.odcs.yaml')"
        made = subprocess.run(
            [sys.executable, "-c", read], input=text, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
        )
        assert made.returncode == 1, made.returncode
        assert "nested too deeply" in made.stderr

    def test_a_file_that_is_not_text(self, tmp_path: Path) -> None:
        place = tmp_path / "x.odcs.yaml"
        place.write_bytes("name: 危险".encode("gb18030"))
        with pytest.raises(InvalidContract) as error:
            loader.read(place)
        assert "UTF-8" in error.value.message
        with pytest.raises(InvalidContract):
            loader.read(tmp_path / "absent.yaml")

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8),
           st.data())  # fmt: skip
    @settings(max_examples=150, deadline=None)
    def test_any_value_in_any_place(self, value: Any, data: st.DataObject) -> None:
        """Whatever stands in any place of a good document, lint answers with findings or a contract."""
        made = copy.deepcopy(GOOD)
        part: Any = made
        for _ in range(data.draw(st.integers(1, 6))):
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(part[key], dict | list):
                break
            part = part[key]
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if keys:
            part[data.draw(st.sampled_from(keys))] = value
        findings(made)


class TestStandardsOwnExamples:
    def test_no_example_ends_in_a_traceback(self, shared_data: Path) -> None:
        examples = sorted((shared_data / "odcs_examples" / "docs" / "examples").rglob("*.yaml"))
        assert len(examples) > 15
        right = 0
        for path in examples:
            right += not findings(path.read_text(encoding="utf-8"))
        assert right >= 2

    def test_the_packaged_schema_is_the_published_one(self, shared_data: Path) -> None:
        import json

        from contracts.odcs import standard

        published = json.loads((shared_data / "odcs_examples" / "schema" / "odcs-json-schema-v3.1.0.json").read_text())
        ours = standard.schema()
        assert ours["$defs"] == published["$defs"]
        assert ours["properties"].keys() == published["properties"].keys()


class TestReading:
    def test_demo_pack(self) -> None:
        contracts = [loader.read(p) for p in sorted(PACK.glob("*.odcs.yaml"))]
        assert len(contracts) == 11
        hazard = next(c for c in contracts if c.dataset == "major_hazard")
        assert (hazard.delivery, hazard.key, hazard.owner) == (Delivery.CHANGES, ("hazard_id",), "hlj-emergency")
        assert hazard.item("credit_code").format == formats.CREDIT_CODE
        assert hazard.item("lon").bounds == (121.0, 135.2)
        assert hazard.batch_rules.quarantine_share == 0.3

    def test_every_part_of_an_item(self) -> None:
        made = contract(
            [
                item(
                    "amount",
                    "number",
                    {"exclusiveMinimum": 0, "maximum": 99.5},
                    {"precision": 10, "scale": 2, "thousandsSeparators": True, "missingValues": ["-"], "titleEn": "Amount"},
                    businessName="金额",
                    required=True,
                    classification="L2",
                    examples=[12.5],
                )
            ]
        ).items[0]
        assert (made.type, made.title, made.title_en, made.minimum, made.maximum) == (
            Type.NUMBER,
            "金额",
            "Amount",
            "0",
            "99.5",
        )
        assert (made.exclusive_minimum, made.exclusive_maximum, made.thousands, made.missing) == (True, False, True, ("-",))
        assert (made.precision, made.scale, made.grade, made.sample) == (10, 2, "L2", "12.5")

    def test_yaml_of_today_keeps_texts(self) -> None:
        """YAML 1.1 readers take no for false, 2024-01-05 for a date, 12:30 for 750 and 0011 for 9."""
        made = document([item("a", "string", examples=["0011"])])
        text = loader.dump(made).replace('"0011"', "no").replace("name: 试", "name: 2024-01-05")
        read = loader.parse(text)
        assert (read.items[0].sample, read.title) == ("no", "2024-01-05")

    def test_delivery_defaults(self) -> None:
        assert contract([item("a", "string")]).delivery is Delivery.APPEND
        keyed = [item("a", "string", primaryKey=True, required=True)]
        assert contract(keyed).delivery is Delivery.CHANGES

    def test_foreign_properties_are_kept(self) -> None:
        made = copy.deepcopy(GOOD)
        own(made, "x-atlan", {"a": [1]})
        read = loader.parse(loader.dump(made))
        assert {"property": "x-atlan", "value": {"a": [1]}} in read.document["customProperties"]

    def test_a_byte_order_mark_is_no_fault(self, tmp_path: Path) -> None:
        place = tmp_path / "x.odcs.yaml"
        place.write_text(loader.dump(GOOD), encoding="utf-8-sig")
        assert loader.read(place).dataset == "tried"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["no", "1.0", "2024-01-05", "~", "null", "0011", "a: b", "- x", "#c", "1_000", ".inf", "0x1", "12:30", "true", "", " "]
)


class TestDump:
    @given(TEXTS.filter(str.strip), st.lists(TEXTS.filter(bool), max_size=3))
    @settings(max_examples=200, deadline=None)
    def test_texts_come_back_as_they_were(self, text: str, texts: list[str]) -> None:
        made = document([item("a", "string", own={"sourceNames": texts, "titleEn": text}, description=text)])
        assert loader.parse(loader.dump(made)).document == made

    def test_same_text_every_time_and_chinese_as_it_is(self) -> None:
        assert loader.dump(GOOD) == loader.dump(loader.parse(loader.dump(GOOD)).document)
        assert "\\u" not in loader.dump(GOOD)
        assert "name: 试" in loader.dump(GOOD)

    def test_restore_gives_the_same_contract(self) -> None:
        read = loader.parse(loader.dump(GOOD))
        assert loader.restore(read.text) == read
