"""Personal data is known by its title whatever its values look like, and by its values under any title; none of it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.checks.compile import compile as checks_of
from contracts.checks.formats.identity_number import check_character as identity_check_character
from contracts.inference.evidence import Undecided
from contracts.inference.guess import ColumnAnswers
from contracts.inference.personal_titles import GRADES, kind_of, parts
from contracts.odcs import loader
from warehouse.onboarding.draft import Drafted

from .conftest import lines


def number(n: int) -> str:
    """An identity number of nobody."""
    first = f"230103198{n % 10}0{n % 9 + 1}{n % 28 + 1:02d}{n % 1000:03d}"
    return first + identity_check_character(first)


WRITTEN: dict[str, Callable[[str], str]] = {
    "right": lambda d: d,
    "blanks": lambda d: f"{d[:6]} {d[6:14]} {d[14:]}",
    "old": lambda d: d[:6] + d[8:17],
    "wide X": lambda d: d[:17] + "Ｘ",
    "small x": lambda d: d[:17] + "x",
    "wide": lambda d: "".join(chr(ord(c) + 0xFEE0) for c in d),
    "scientific": lambda d: f"{d[0]}.{d[1:6]}E+17",
    "float": lambda d: d[:15] + "000.0",
    "apostrophe": lambda d: "'" + d,
    "formula": lambda d: f'="{d}"',
    "cut": lambda d: d[:15] + "000",
    "nonsense": lambda d: "见附件" + d[-2:],
}


OTHERS = """
单位名称 项目名称 企业名称 法人单位 法人名称 身份证类型 证件类型 企业证件号码 手机型号 电话数量 是否有电话 联系人数 负责人数
出生率 出生人口 名称 name address id 地址 站名 device_id 许可证号 营业执照号 工号 文件名 地名 户口性质 user_name telemetry
hotel cell mobile_homes 统一社会信用代码 xmmc
"""
"""Titles of what is no person's."""


def everything(drafted: Drafted) -> str:
    """All that a draft says to anybody."""
    return "\n".join([loader.dump(drafted.contract.document), drafted.report, *(f"{e.zh} {e.en}" for e in drafted.evidence)])


def said(undecided: Undecided) -> str:
    """All that questions say."""
    told = [*undecided.evidence, *(q.said for q in undecided.questions), *(e for q in undecided.questions for e in q.evidence)]
    told += [c.meaning for q in undecided.questions for c in q.choices]
    return "\n".join(f"{each.zh} {each.en}" for each in told)


class TestTitles:
    @pytest.mark.parametrize(
        ("kind", "titles"),
        [
            ("identity-number", "身份证号|法人身份证号码|公民身份号码|联系人证件号码|*身份证号（必填）|身份证 号|"
                                "sfzh|FR_SFZH|id_card|IDCard|"
                                "identityCardNumber|身分證號|社会保障号码|身份证号码2|户主身份证|Citizen ID Number"),
            ("bank-account", "银行卡号|开户银行账号|收款账号|yhkh|Bank Card No.|bankAccount|一卡通账号|惠农补贴卡号"),
            ("mobile", "负责人手机|手机号码2|法人手机号|mobilePhone|sjhm|联系电话（手机）"),
            ("phone", "联系电话1|聯絡電話|TEL1|Contact No.|phone number|lxdh|联系人（电话）|姓名/电话|负责人及电话|传真"),
            ("address", "家庭住址|现住址|户籍地址|home_address|jtzz|申请人地址"),
            ("name", "户主姓名|法定代表人|姓　名|監護人姓名|家长1姓名|xm|contact_name|Full Name|填报人|法人代表"),
            ("birth-date", "出生日期|出生年月|DOB|date_of_birth|csrq"),
            ("email", "电子邮箱|E-mail|contact_email"),
            ("licence-plate", "车牌号码|車牌號|号牌号码"),
        ],
    )  # fmt: skip
    def test_a_title_announces_its_kind(self, kind: str, titles: str) -> None:
        assert {title: kind_of(title) for title in titles.split("|")} == dict.fromkeys(titles.split("|"), kind)

    @pytest.mark.parametrize("title", OTHERS.split())
    def test_other_titles_do_not(self, title: str) -> None:
        assert kind_of(title) is None

    def test_of_two_the_most_severe(self) -> None:
        assert parts("姓名（电话）") == ["姓名", "电话"]
        assert list(GRADES).index("phone") < list(GRADES).index("name")


class TestWhateverTheValuesLookLike:
    @pytest.mark.parametrize("written", WRITTEN)
    @pytest.mark.parametrize("title", ["身份证号", "法人证件号码", "sfzh", "ID Card No."])
    def test_identity_numbers_are_l4_and_shown_nowhere(self, draft, title: str, written: str) -> None:
        values = [WRITTEN[written](number(n)) for n in range(40)]
        text = f"编号,{title}\n" + "".join(f'S{n:03d},"{v.replace(chr(34), chr(34) * 2)}"\n' for n, v in enumerate(values))
        try:
            drafted = draft(text)
        except Undecided as undecided:  # damaged beyond use: asked, and nothing of it is said
            shown = said(undecided)
        else:
            item = drafted.contract.items[1]
            assert (item.personal, item.grade, item.type) == ("identity-number", "L4", "string")
            shown = everything(drafted)
        assert not [value for value in {*values, *map(number, range(40))} if value in shown]

    @pytest.mark.parametrize(
        ("title", "values", "grade"),
        [
            ("负责人手机", [f"1380013{n:04d}.0" for n in range(40)], "L3"),
            ("联系电话1", [f"1.38E+10 {n}" for n in range(40)], "L3"),
            ("户主姓名", [f"张三{n}（已故）" for n in range(40)], "L2"),
            ("银行卡号", [f"6.222{n:02d}E+18" if n % 2 else f"62220212345678{n:05d}" for n in range(40)], "L4"),
            ("家庭住址", [f"某村{n}组" for n in range(40)], "L3"),
            ("联系电话", [f"8645{n:04d}" for n in range(40)], "L3"),
        ],
    )
    def test_others_too(self, draft, title: str, values: list[str], grade: str) -> None:
        drafted = draft(f"编号,{title}\n" + "".join(f"S{n:03d},{v}\n" for n, v in enumerate(values)))
        item = drafted.contract.items[1]
        assert (item.grade, item.type) == (grade, "string")
        assert not [value for value in values if value in everything(drafted)]

    def test_dates_of_birth_that_must_be_asked_are_asked_without_one(self, draft) -> None:
        with pytest.raises(Undecided) as raised:
            draft("编号,出生日期\n" + lines(40, lambda n: f"S{n},{n % 12 + 1:02d}/{n % 11 + 1:02d}/1984"))
        assert "/1984" not in said(raised.value)

    def test_a_question_about_the_header_shows_no_person(self, draft) -> None:
        try:
            shown = everything(
                draft("".join(f"李秀{chr(0x5000 + n)},{number(n)},13800138{n:03d},向阳镇和平村{n}组\n" for n in range(40)))
            )
        except Undecided as undecided:
            shown = said(undecided)
        assert not [value for value in (number(0), "13800138000", "李秀", "和平村") if value in shown]


class TestByValue:
    @pytest.mark.parametrize("written", ["right", "blanks", "wide X", "old", "apostrophe"])
    def test_identity_numbers_under_any_title(self, draft, written: str) -> None:
        drafted = draft("编号,备注\n" + lines(40, lambda n: f"S{n:03d},{WRITTEN[written](number(n))}"))
        assert drafted.contract.items[1].grade == "L4"

    def test_one_inside_a_text_is_enough(self, draft) -> None:
        drafted = draft(
            "编号,备注\n" + lines(90, lambda n: f"S{n:03d},{f'已核，{number(n)}，属实' if n == 50 else f'无误{n}'}")
        )
        assert drafted.contract.items[1].grade == "L4"
        assert number(50) not in everything(drafted)

    def test_credit_codes_are_none(self, draft) -> None:
        from contracts.checks.formats.credit_code import check_character as last

        codes = [(f := f"9123010319{n % 10}9{n:06d}"[:17].ljust(17, "1")) + last(f) for n in range(60)]
        drafted = draft("统一社会信用代码,名称\n" + "".join(f"{code},厂{n}\n" for n, code in enumerate(codes)))
        assert drafted.contract.items[0].personal is None

    def test_addresses_of_flats(self, draft) -> None:
        drafted = draft("编号,位置\n" + lines(40, lambda n: f"S{n},花园小区{n % 9 + 1}号楼{n % 4 + 1}单元{n + 100}室"))
        assert drafted.contract.items[1].personal == "address"

    def test_plain_name_and_address_in_a_table_of_persons_only(self, draft) -> None:
        persons = draft("name,id_card,address\n" + lines(40, lambda n: f"Li {n},{number(n)},Street {n}"))
        assert [item.grade for item in persons.contract.items] == ["L2", "L4", "L3"]
        plants = draft("name,kind,address\n" + lines(40, lambda n: f"Plant {n},x,Street {n}"))
        assert [item.grade for item in plants.contract.items] == ["L1", "L1", "L1"]


class TestDamage:
    def test_damaged_numbers_are_told_with_counts_in_every_column(self, draft) -> None:
        def line(n: int) -> str:
            damaged = n % 3 == 0
            return f"{'1.10105E+17' if damaged else number(n)},{'9.13701E+17' if damaged else 'X' + number(n)[1:]},{n}"

        drafted = draft("身份证号,信用编码,n\n" + lines(30, line))
        identity, credit, _ = drafted.guesses
        assert [guess.damaged for guess in (identity, credit)] == [10, 10]
        assert [rule.name for rule in drafted.contract.row_rules] == ["identity_number_undamaged", "xinyong_code_undamaged"]
        for guess in (identity, credit):
            assert any("10 行" in note.zh and "科学计数法" in note.zh for note in guess.notes)

    def test_where_no_number_is_whole_it_is_asked_and_the_answer_works(self, draft, asked) -> None:
        text = "姓名,身份证号\n" + lines(30, lambda n: f"甲{n},1.10105E+17")
        [question] = asked(text)
        assert question.option == "--type"
        assert "30" in question.said.zh
        column, _, kind = question.choices[0].value.partition("=")
        item = draft(text, answers=ColumnAnswers(types={column: kind})).contract.items[1]
        assert (item.type, item.grade) == ("string", "L4")

    def test_zeros_after_the_fifteenth_digit_are_told(self, draft) -> None:
        cut = draft("编号,身份证号\n" + lines(30, lambda n: f"S{n},{number(n)[:15]}000")).guesses[1]
        assert any("30 行第 15 位之后全是 0" in note.zh for note in cut.notes)


def test_no_message_about_a_private_item_shows_a_value(draft) -> None:
    drafted = draft("编号,身份证号,联系电话\n" + lines(40, lambda n: f"S{n},{number(n)},13800138{n:03d}"))
    for check in checks_of(drafted.contract):
        if check.item in {"identity_number", "contact_phone"}:
            told = check.describe("230103198002301234")
            assert not [value for value in ("2301031980", "19800230") if value in "".join(told)]


def test_a_refused_row_leaves_no_value_in_the_outcome(draft, settings, tmp_path: Path) -> None:
    """Faults keep counts and rules; the rows themselves go to quarantine, for their provider."""
    from warehouse.ingest.quarantine import _is_private

    drafted = draft("编号,身份证号\n" + lines(40, lambda n: f"S{n},{number(n)}"), divisions=("23", "2301", "230103"))
    checks = checks_of(drafted.contract)
    guarded, known = {(c.rule, c.item) for c in checks if c.private}, {(c.rule, c.item) for c in checks}
    assert _is_private("identity-number", "identity_number", guarded, known)
    assert _is_private("columns", "", guarded, known)
    assert not _is_private("required", "number", guarded, known | {("required", "number")})
