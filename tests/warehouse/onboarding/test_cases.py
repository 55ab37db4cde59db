"""Every file of ../shared/cases, onboarded and loaded as `hub onboard` does, comes out as its INDEX.md says is right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from catalog.ledger import CatalogLedger
from cli.terminal.prompts import Told
from contracts.errors import HubError
from contracts.inference.evidence import Undecided
from contracts.model import BatchRules, Contract
from contracts.odcs import loader
from tests import homes
from tests.warehouse.conftest import Given, Hub
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Delivered
from warehouse.onboarding.draft import Drafted, Request, draft_contract
from warehouse.settings import Settings
from warehouse.storage import connection

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
ELSEWHERE = ("27-", "28-", "29-", "30-", "31-", "32-", "33-", "34-", "35-", "36-", "37-", "38-", "INDEX", "FOUND")
"""Catalogue, search, sharing, MQTT, harvest and upkeep: tested in their own rooms, or due with later issues."""
DELIVERED = ("y1", "y2", "y3", "y4", "y5", "y6", "y7", "22-", "23-", "24-", "25-", "26-")
"""Deliveries to a dataset that is there: tested below."""
BY_COLUMN = ("--dates", "--type", "--decimal", "--coordinates")
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are not on this machine")


@dataclass(frozen=True)
class Refused:
    """A sentence that names what the file is, or what to do."""

    says: str
    and_nothing: str = ""


@dataclass(frozen=True)
class Asked:
    """Questions, and what must be among their choices."""

    option: str
    among: Sequence[str]
    then: Loaded | Refused | None = None
    """What its first choice leads to."""


@dataclass(frozen=True)
class Loaded:
    """Rows accepted and set aside, what is told, types, grades, and the first row's values."""

    accepted: int
    aside: Mapping[str, int] = field(default_factory=dict)
    """Rows received and not accepted, by rule."""
    told: Sequence[str] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
    """Values of the first row, as text."""
    names: Sequence[str] = ()
    units: Mapping[str, str] | None = None
    """Every column that has a unit, with it."""
    hidden: Sequence[str] = ()
    """What neither contract nor report nor evidence may show."""


REGIONS = {"序号": "integer", "乡镇": "string", "户数": "integer", "人口": "integer"}
IDENTITY = {"身份证号": "L4"}
RIGHT: dict[str, Refused | Asked | Loaded] = {
    "01-blank-in-number-late.csv": Loaded(3000, types={"水位(m)": "number"}),
    "02-quoted-leading-zeros.csv": Loaded(
        7,
        told=["leading zeros"],
        types={"测站编码": "string", "纵坐标": "number", "横坐标": "number"},
        first={"测站编码": "0123456", "横坐标": "705519.2"},
    ),
    "03-letters-among-numbers.csv": Loaded(1200, types={"楼栋编号": "string"}, told=["3 rows do not"]),
    "05-first-row-empty-bordered.xlsx": Loaded(59, types={"耗时(秒)": "integer"}),
    "07-header-only.xlsx": Refused("header and no rows.*nil return.*template"),
    "08-report-head-then-table.xlsx": Loaded(
        19, names=["序号", "企业名称", "许可证编号", "有效期至"], told=["示例县应急管理局"]
    ),
    "11-first-quote-after-2048-rows.csv": Loaded(2600),
    "12-late-types-beyond-sample.ndjson": Loaded(20599, {"type": 1}, types={"n": "number"}, told=["like true"]),
    "13-identifiers-as-text.json": Loaded(
        4, types={"orderId": "string", "serial": "string"}, first={"serial": "9223372036854775808"}
    ),
    "14-merged-header-subtotals.xlsx": Loaded(
        9,
        {"total": 4, "note": 1},
        told=["持平"],
        names=["地区", "行业", "事故起数/本期", "事故起数/同比(%)", "死亡人数/本期", "死亡人数/同比(%)", "直接经济损失"],
        units={"事故起数/本期": "起", "事故起数/同比(%)": "%", "死亡人数/本期": "人", "直接经济损失": "万元"},
    ),
    "15-identity-number-scientific-gbk.csv": Loaded(
        6,
        {"scientific": 24},
        grades={"身份证号": "L4", "银行账号": "L4", "联系电话": "L3"},
        told=["身份证号.*20 rows were turned", "统一社会信用代码.*7 rows were turned"],
        hidden=["1.10105", "11010519491231002X"],
    ),
    "17-units-and-multipliers-in-cells.csv": Loaded(
        80,
        types={"数量": "string", "注册资本": "string"},
        told=["数量.*10 rows with a multiplier.*number, unit and qualifier"],
        first={"数量": "1.5万"},
    ),
    "18-old-division-codes.csv": Loaded(19, types={"区划代码": "string"}, told=["区划代码.*division"]),
    "19-pointer-instead-of-data.csv": Refused("Git LFS pointer to 70,131,120 bytes"),
    "21-big5-decodes-as-gb18030.csv": Loaded(200, told=["cp950"], first={"案由": "傷害"}),
    "39-extra-delimiter-shifts-one-row.csv": Loaded(4, {"columns": 1}, first={"企业名称": "示例一厂"}),
    "a03_subtotals_inside.xlsx": Loaded(
        12, {"total": 5}, types={"户数": "integer"}, told=["5 rows set aside: totals that agree"]
    ),
    "a05_total_in_second_column.xlsx": Loaded(10, {"total": 1}, types=REGIONS),
    "a07_total_spaced.xlsx": Loaded(10, {"total": 1}, types={"户数": "integer"}),
    "a08_footer_many_cells.xlsx": Loaded(10, {"note": 1}, types=REGIONS),
    "a09_two_tables_stacked.xlsx": Loaded(
        8, {"table": 8}, types={"户数": "integer", "人口": "integer"}, told=["another table below"]
    ),
    "a16_three_levels.xlsx": Loaded(
        10,
        names=["地区", "人口情况/户籍人口/男", "人口情况/户籍人口/女", "人口情况/常住人口/男", "人口情况/常住人口/女", "耕地"],
    ),
    "a17_form_key_value.xlsx": Refused("This is a form"),
    "a32_number_formats.xlsx": Loaded(12, types={"站码": "string"}, first={"站码": "000100"}),
    "a33_id_as_number.xlsx": Asked("--type", ["身份证号=string"], Loaded(12, grades=IDENTITY)),
    "a40_header_only.xlsx": Refused("header and no rows.*nil return.*template"),
    "a46_template_example_row.xlsx": Loaded(10, {"example": 1}, told=["1 rows set aside: example rows"]),
    "a49_seq_and_blank_tail.xlsx": Loaded(10, {"numbered": 20}, told=["20 rows set aside"]),
    "a50_zero_tail_formula_rows.xlsx": Loaded(10, {"zeros": 10}, told=["10 rows set aside"]),
    "a56_formulas_cached.xlsx": Loaded(10, {"total": 1}),
    "b03_serial_dates.csv": Asked(
        "--dates", ["发生日期=excel", "发生日期=no"], Loaded(12, types={"发生日期": "date"}, first={"发生日期": "2023-01-01"})
    ),
    "b04b_roc_compact.csv": Asked(
        "--dates", ["日期=roc", "日期=no"], Loaded(12, types={"日期": "date"}, first={"日期": "2024-01-01"})
    ),
    "b07_24_oclock.csv": Loaded(24, types={"观测时间": "timestamp"}, told=["24:00 read as 00:00 of the next day"]),
    "b09b_two_digit_dash.csv": Asked(
        "--dates", ["检查日期=ymd"], Loaded(12, types={"检查日期": "date"}, first={"检查日期": "2024-01-10"})
    ),
    "b18_birth8.csv": Loaded(12, types={"参加工作时间": "string"}, first={"参加工作时间": "2000.01"}),
    "c03_yuan.csv": Refused("thousands separators without quotes"),
    "c12_big_numbers.csv": Loaded(12, first={"大额": "123456789012345670.89", "流水": "9007199254740993"}, told=["DECIMAL"]),
    "c13_exponent_codes.csv": Loaded(12, types={"设备型号": "string"}, first={"设备型号": "1E1"}),
    "c16_section_numbers.csv": Loaded(24, types={"条款号": "string"}, first={"条款号": "1.1"}),
    "c17_versions.csv": Loaded(12, types={"版本": "string"}, first={"版本": "3.0"}),
    "c27b_tab_suffixed.csv": Loaded(12, grades=IDENTITY, types={"金额": "number"}, first={"身份证号": "230103198001011000"}),
    "d01b_id_spaced.csv": Loaded(12, grades=IDENTITY, told=["have blanks"], hidden=["230103 19800110"]),
    "d01c_id_float.csv": Asked("--type", ["身份证号=string"], Loaded(12, grades=IDENTITY, hidden=["2.30103"])),
    "d01e_id_15.csv": Loaded(12, grades=IDENTITY, hidden=["2301038001"]),
    "e02_swapped.csv": Asked(
        "--coordinates", ["经度=swapped"], Loaded(12, first={"经度": "45.8", "经度（CGCS2000）": "126.53"})
    ),
    "e04_gcj02.csv": Loaded(
        12,
        names=["站名", "高德经度", "高德纬度", "高德经度（CGCS2000）", "高德纬度（CGCS2000）"],
        told=["gcj02"],
        first={"高德经度": "126.53", "高德经度（CGCS2000）": "126.52391764"},
    ),
    "e04c_bd09.csv": Loaded(
        12,
        told=["converted"],
        formats={"经度（CGCS2000）": "longitude"},
        first={"经度": "126.53", "经度（CGCS2000）": "126.51731514"},
    ),
    "e06b_zeros.csv": Loaded(12, told=["4 rows are 0"], first={"经度": "None"}),
    "e09_degmin_packed.csv": Asked(
        "--coordinates", ["经度=minutes"], Loaded(12, first={"经度": "12632.0", "经度（CGCS2000）": "126.53333333"})
    ),
    "f04_gbk_pua.csv": Loaded(40, told=["private-use"]),
    "f09b_euckr.csv": Asked("--encoding", ["cp949"], Loaded(40)),
    "f11_mojibake.csv": Refused("double-encoded"),
    "f11b_kun_jin_kao.csv": Refused("锟斤拷.*lost"),
    "f22_nul_in_header.csv": Loaded(3, names=["编号", "名称"]),
    "g05d_dun.csv": Asked("--delimiter", ["、"], Loaded(12)),
    "g05e_double_pipe.txt": Loaded(12, names=["编号", "名称", "数量"]),
    "g05g_at.txt": Loaded(12, names=["编号", "名称", "数量"]),
    "g05j_fixed_width.txt": Asked("--delimiter", ["blanks"], Loaded(12)),
    "g09_excel_formula_text.csv": Loaded(12, first={"站号": "00000"}, grades={"电话": "L3"}),
    "g09b_apostrophe.csv": Loaded(12, grades=IDENTITY, first={"站号": "00000"}, hidden=["'230103", "230103198001101000"]),
    "g11_backslash_quotes.csv": Loaded(12, first={"名称": '他说"好",然后'}),
    "g13_blank_and_comma_lines.csv": Loaded(12),
    "g15c_markdown.md": Loaded(12, names=["编号", "名称", "数量"], first={"编号": "S0"}),
    "g21_reserved_names.csv": Loaded(12),
    "g23_inserts.sql": Refused("SQL dump"),
    "g24_log.txt": Refused("is a log"),
    "g25_prose.txt": Refused("prose"),
    "g26_ini.txt": Refused("settings file"),
    "g27_yaml.yaml": Refused("YAML"),
    "h02b_xls_named_xlsx.xlsx": Loaded(12, types={"发生日期": "date"}),
    "h03d_sylk.slk": Refused("SYLK.*save it as .xlsx"),
    "h03e_dif.dif": Refused("DIF.*save it as .xlsx"),
    "h06e.tar": Refused("tar archive.*unpack"),
    "i01b_envelope_error.json": Refused("code 500"),
    "i01e_partial_page.json": Loaded(12, told=["12,000 records, the file has 12"]),
    "i10_comments.json": Refused("JSON with comments"),
    "i13_string_inside.json": Loaded(12, told=["inside a text was opened"], types={"人口": "integer"}),
    "i14_duplicate_keys.json": Loaded(3, told=["repeated within a record"]),
    "i18_column_oriented.json": Asked("--records", ["columns"], Loaded(12)),
    "i24_scalars.json": Refused("JSON values without names"),
    "i26_null.json": Refused("JSON values without names"),
    "i35_lone_low_surrogate.json": Loaded(3, told=["U\\+FFFD"]),
    "j01e_swapped.geojson": Asked(
        "--coordinates", ["longitude=swapped"], Loaded(12, first={"longitude": "45.8", "longitude（CGCS2000）": "126.5"})
    ),
    "j01j_3857_no_crs.geojson": Asked(
        "--coordinates", ["longitude=mercator"], Loaded(12, first={"longitude（CGCS2000）": "126.50075831"})
    ),
    "j03.kml": Loaded(12, formats={"longitude": "longitude"}),
    "j04_shapefile_gbk.zip": Loaded(12, first={"名称": "隐患点0"}),
    "j05_gbk.dbf": Loaded(12, first={"名称": "隐患点0"}),
    "j08b_access.accdb": Refused("Access database"),
    "k01_types.parquet": Loaded(12, told=["DECIMAL\\(20,3\\)", "DECIMAL\\(38,2\\)"], first={"金额": "12345678901234.567"}),
    "k04.avro": Refused("Avro"),
    "l01_table.docx": Refused("Word document"),
    "l02c.tif": Refused("TIFF"),
    "l03.ofd": Refused("OFD"),
    "l07_lfs.csv": Refused("Git LFS pointer"),
    "l08c_text_error.csv": Refused("error message"),
    "p02_year_month_dotted.csv": Loaded(12, types={"月份": "string"}, first={"月份": "2024.1"}),
    "p03_pandas_dot0.csv": Loaded(
        12,
        types={"行政区划代码": "string", "年份": "integer"},
        grades={"手机号": "L3"},
        first={"行政区划代码": "230102", "手机号": "13800138000", "年份": "2024"},
    ),
    "p04_fullwidth_X.csv": Loaded(12, grades=IDENTITY, told=["full-width"], hidden=["23010319800101100"]),
    "p16_html_entities.csv": Loaded(12, names=["编号", "名称"]),
    "p22_legal_person_dates.csv": Loaded(2005, types={"法人代表": "string"}),
    "x10_utf8_with_few_accents_cr.tsv": Loaded(400, first={"Country": "Côte d'Ivoire"}),
    "x11_dot_for_missing_in_key.csv": Loaded(300),
    "x12_two_header_rows.csv": Asked("--header", ["1-2"], Loaded(30)),
    "x13_title_two_header_rows.xlsx": Loaded(30, first={"收入/工资": "100.0", "支出/差旅": "3"}),
    "x14_quote_in_mid_field.csv": Loaded(5, {"quotes": 1}, first={"名称": "哈尔滨第1商店"}),
    "x15_header_one_name_short.csv": Asked("--header", ["1", "none"]),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One hub for every file."""
    folder = tmp_path_factory.mktemp("cases")
    settings = Settings(home=folder / "var", _env_file=None)
    homes.empty(settings)
    yield Hub(settings, CatalogLedger(settings.catalog_database), Given(), folder)
    connection.forget(settings)


def drafted(hub: Hub, path: Path, dataset: str, answers: Sequence[tuple[str, str]] = (), **more: Any) -> Drafted:
    """The file's draft; `answers`: the choices taken of the questions put."""
    by_column = {option: [value for asked, value in answers if asked == option] for option in BY_COLUMN}
    told = {option.removeprefix("--"): value for option, value in answers if option not in BY_COLUMN}
    said = Told(path, "", dataset, "", told, *by_column.values(), "", True).answers()
    return draft_contract(Request(path, dataset, "事物", "own", path.name, told, said, None, **more), hub.settings)


def asked(attempt: Callable[[], Any]) -> Undecided:
    with pytest.raises(Undecided) as raised:
        attempt()
    return raised.value


def delivered(hub: Hub, path: Path, contract: Contract) -> Delivered:
    return ingest.deliver(hub.settings, hub.ledger, hub.given, path, dataset=contract.dataset, received_by="test")


def check(hub: Hub, path: Path, right: Refused | Asked | Loaded, answers: Sequence[tuple[str, str]] = ()) -> None:
    """What becomes of a file is what is right."""
    dataset = "d" + re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    if isinstance(right, Refused):
        with pytest.raises(HubError, match=right.says):
            drafted(hub, path, dataset, answers)
        return
    if isinstance(right, Asked):
        found = asked(lambda: drafted(hub, path, dataset, answers))
        question = next(each for each in found.questions if each.option == right.option)
        values = [choice.value for choice in question.choices]
        assert set(right.among) <= set(values)
        if right.then:
            check(hub, path, right.then, [*answers, *((each.option, each.choices[0].value) for each in found.questions)])
        return
    _loaded(hub, path, right, drafted(hub, path, dataset, answers))


def _loaded(hub: Hub, path: Path, right: Loaded, draft: Drafted) -> None:
    contract = hub.given.add(draft.contract)
    items = {item.source[0] if item.source else item.title: item for item in contract.items}
    told = "\n".join(line.en for line in draft.evidence)
    for said in right.told:
        assert re.search(said, told), told
    assert {name: str(items[name].type) for name in right.types} == dict(right.types)
    assert {name: items[name].grade for name in right.grades} == dict(right.grades)
    assert {name: str(items[name].format) for name in right.formats} == dict(right.formats)
    if right.names:
        assert list(items) == list(right.names)
    if right.units is not None:
        assert {name: item.unit for name, item in items.items() if item.unit} == dict(right.units)
    for value in right.hidden:
        assert value not in contract.text + draft.report + told
    made = delivered(hub, path, contract)
    assert (made.outcome.accepted, made.outcome.received) == (right.accepted, right.accepted + sum(right.aside.values())), (
        made.outcome
    )
    if right.first and right.accepted:
        columns = ", ".join(items[name].name for name in right.first)
        [row] = hub.sql(f"SELECT {columns} FROM resource.{contract.dataset} ORDER BY _row LIMIT 1")
        assert {name: str(value) for name, value in zip(right.first, row, strict=True)} == dict(right.first)


def _files(prefixes: tuple[str, ...], *, those: bool) -> list[str]:
    if not CASES.is_dir():
        return []
    names = sorted(path.name for path in CASES.iterdir() if not path.name.endswith(".odcs.yaml"))
    return [name for name in names if name.startswith(prefixes) == those and not name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("name", sorted(RIGHT))
@pytest.mark.usefixtures("in_this_process")
def test_a_file(installation: Hub, name: str) -> None:
    check(installation, CASES / name, RIGHT[name])


def test_no_file_is_left_out() -> None:
    assert set(_files(DELIVERED, those=False)) == set(RIGHT)


def test_18_codes_are_compared_with_the_table_of_their_year(installation: Hub, shared_data: Path) -> None:
    def table(name: str) -> list[str]:
        rows = (shared_data / "gb2260" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        return [row.split("\t")[2] for row in rows[1:]]

    past = {1995: table("gb2260_mca_199512"), 2015: table("gb2260_mca_201512"), 2018: table("gb2260_stats_201810")}
    draft = drafted(installation, CASES / "18-old-division-codes.csv", "d18", divisions=past[2018], past_divisions=past)
    told = "\n".join(line.en for line in draft.evidence)
    assert re.search(r"rows are in today's table", told)
    assert re.search(r"are old codes of the table of their year", told)
    assert re.search(r"1 have a wrong number of digits", told)


def contract_of(case: str) -> Contract:
    """The contract beside a case, with every row's fault counted instead of the batch returned."""
    return loader.read(CASES / f"{case}.odcs.yaml")


def faults(made: Delivered) -> Counter[str]:
    """Findings of a batch by rule."""
    return Counter({fault.rule: fault.rows for fault in made.outcome.faults})


@pytest.fixture
def home(installation: Hub) -> Hub:
    installation.given.contracts.clear()
    return installation


@pytest.mark.usefixtures("in_this_process")
class TestUnderAContract:
    """Cases with a contract of their own."""

    def deliver(self, home: Hub, case: str) -> Delivered:
        return delivered(home, CASES / f"{case}.csv", home.given.add(contract_of(case)))

    def test_22_a_null_in_another_column_lets_no_row_escape(self, home: Hub) -> None:
        made = self.deliver(home, "22-cross-rule-with-null")
        assert (made.outcome.accepted, made.outcome.quarantined) == (3, 2)
        assert [key for (key,) in home.sql("SELECT case_no FROM resource.case22 ORDER BY 1")] == ["C001", "C004", "C005"]

    def test_23_a_key_with_a_missing_part_is_refused(self, home: Hub) -> None:
        made = self.deliver(home, "23-composite-key-null")
        assert (made.outcome.accepted, made.outcome.quarantined) == (1, 5)
        assert home.sql("SELECT station, CAST(read_at AS VARCHAR) FROM resource.case23") == [("S1", "2026-01-01")]

    def test_24_an_empty_delivery_is_refused_by_its_rule(self, home: Hub) -> None:
        made = self.deliver(home, "24-empty-delivery")
        assert (made.outcome.state, made.outcome.accepted) == ("refused", 0)

    def test_24_without_a_rule_it_is_asked(self, home: Hub) -> None:
        contract = replace(contract_of("24-empty-delivery"), batch_rules=BatchRules())
        made = delivered(home, CASES / "24-empty-delivery.csv", home.given.add(contract))
        assert (made.outcome.state, made.outcome.accepted) == ("held", 0), made.outcome

    def test_25_a_null_hides_no_other_finding(self, home: Hub) -> None:
        made = self.deliver(home, "25-null-hides-pattern")
        assert (made.outcome.accepted, made.outcome.quarantined) == (2, 4)
        assert sorted(faults(made).values()) == [2, 2]

    def test_26_data_older_than_the_contract_allows_are_told_with_their_age(self, home: Hub) -> None:
        made = self.deliver(home, "26-stale-against-freshness")
        assert "2024" in made.outcome.message_en or made.outcome.state in ("returned", "held"), made.outcome


@pytest.mark.usefixtures("in_this_process")
class TestTheNextDelivery:
    """y1 onboarded, then each of y2 to y5; y6, then y7."""

    @pytest.fixture
    def first(self, home: Hub, request: pytest.FixtureRequest) -> tuple[Hub, Contract]:
        dataset = re.sub(r"\W+", "_", request.node.name.lower())[:60].strip("_")
        name = "y6_nokey_first.csv" if "y7" in dataset else "y1_first.csv"
        contract = home.given.add(drafted(home, CASES / name, dataset).contract)
        assert delivered(home, CASES / name, contract).outcome.accepted == (12 if "y7" in dataset else 200)
        return home, contract

    @pytest.mark.parametrize(("name", "column"), [("y2_column_removed", "联系电话"), ("y3_column_renamed", "企业名称")])
    def test_a_column_that_is_gone_holds_the_batch(self, first: tuple[Hub, Contract], name: str, column: str) -> None:
        hub, contract = first
        made = delivered(hub, CASES / f"{name}.csv", contract)
        assert (made.outcome.state, made.outcome.accepted) == ("held", 0)
        assert column in made.outcome.message
        filled = ", ".join(f"count({item.name})" for item in contract.items)
        assert hub.sql(f"SELECT {filled} FROM resource.{contract.dataset}") == [(200,) * 6]

    def test_y3_the_new_name_is_proposed(self, first: tuple[Hub, Contract]) -> None:
        hub, contract = first
        made = delivered(hub, CASES / "y3_column_renamed.csv", contract)
        assert made.outcome.questions[0]["choices"][0]["args"] == ["--map", "单位名称=企业名称"]

    def test_y4_dates_with_slashes_are_read(self, first: tuple[Hub, Contract]) -> None:
        hub, contract = first
        made = delivered(hub, CASES / "y4_dates_with_slashes.csv", contract)
        assert (made.outcome.state, made.outcome.accepted, made.outcome.unchanged) == ("loaded", 200, 200)

    def test_y5_the_header_is_found_below_a_title(self, first: tuple[Hub, Contract]) -> None:
        hub, contract = first
        made = delivered(hub, CASES / "y5_title_line_more.csv", contract)
        assert (made.outcome.state, made.outcome.accepted, made.outcome.unchanged) == ("loaded", 200, 200)

    def test_y7_a_corrected_file_without_a_key_is_asked(self, first: tuple[Hub, Contract]) -> None:
        hub, contract = first
        made = delivered(hub, CASES / "y7_nokey_corrected.csv", contract)
        assert (made.outcome.state, made.outcome.accepted) == ("held", 0)
        assert hub.sql(f"SELECT count(*) FROM resource.{contract.dataset}") == [(12,)]


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
class TestHugeFields:
    """g18 and g18c: a quoted field of 21 MB with Chinese text, in UTF-8 and in GBK."""

    @pytest.mark.parametrize(("name", "encoding"), [("g18_huge_field.csv", "utf-8"), ("g18c_long_line_gbk.csv", "gbk")])
    def test_they_are_read_line_by_line(self, home: Hub, tmp_path: Path, name: str, encoding: str) -> None:
        text = "编号,名称,说明\n" + "".join(f'S{n},名{n},"短，说明"\n' for n in range(12))
        huge = "化工厂，储罐区。" * (21_000_000 // len("化工厂，储罐区。".encode(encoding)))
        (tmp_path / name).write_bytes((text + f'S99,名99,"{huge}"\n').encode(encoding))
        contract = home.given.add(drafted(home, tmp_path / name, name.partition(".")[0]).contract)
        made = delivered(home, tmp_path / name, contract)
        assert (made.outcome.received, made.outcome.accepted) == (13, 13)
        [(length,)] = home.sql(
            f"SELECT length(column_value) FROM resource.{contract.dataset} WHERE number = 'S99'".replace(
                "column_value", contract.items[2].name
            )
        )
        assert length == len(huge)
