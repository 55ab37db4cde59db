# ruff: noqa: E501 - tables of cases are read line by line
"""Credit codes, identity numbers, divisions, mobile numbers: refusals first, each with what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.checks.code_lists import Lists
from contracts.checks.formats import credit_code, division
from contracts.checks.formats import registry as formats
from contracts.checks.formats.identity_number import Regions
from contracts.checks.rules import registry as rules
from contracts.checks.rules.base import ItemCheck
from contracts.model import Item, Type

LISTS = Lists({"division": ["23", "2308", "230803", "230803001", "44", "4419", "441900003"]})


class TestCreditCode:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("91110108551385082C", "should be Q"),
            ("9111010855138508Q", "this has 17"),
            ("91110108551385082q", "capitals"),
            ("9111010855138508２Q", "full-width"),
            ("91110I08551385082Q", "not used"),
            ("", "this has 0"),
        ],
    )
    def test_refused_with_what_to_do(self, text: str, told: str) -> None:
        wrong = formats.CREDIT_CODE.wrong(text)
        assert wrong is not None
        assert told in wrong[1]

    def test_published_example(self) -> None:
        assert formats.CREDIT_CODE.wrong("91110108551385082Q") is None

    @given(st.text(credit_code.ALPHABET, min_size=2, max_size=2), st.text("0123456789", min_size=6, max_size=6),
           st.text(credit_code.ALPHABET, min_size=9, max_size=9), st.integers(0, 16), st.sampled_from(credit_code.ALPHABET))  # fmt: skip
    def test_one_changed_character_is_always_found(self, kind: str, place: str, organ: str, at: int, other: str) -> None:
        first = kind + place + organ
        code = first + credit_code.check_character(first)
        assert formats.CREDIT_CODE.wrong(code) is None
        changed = code[:at] + other + code[at + 1 :]
        assert (formats.CREDIT_CODE.wrong(changed) is None) == (changed == code)


class TestIdentityNumber:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("110105194912310021", "should be X"),
            ("11010519491231002x", "capital X"),
            ("110105491231002", "15-digit"),
            ("1101051949123100", "this has 16"),
            ("11010519490230002X", "does not exist"),
            ("11010518991231002X", "17 digits"),
            ("１10105194912310021", "full-width"),
        ],
    )
    def test_refused_with_what_to_do(self, text: str, told: str) -> None:
        wrong = formats.IDENTITY_NUMBER.wrong(text)
        assert wrong is not None
        assert told in wrong[1]

    def test_region_must_exist(self) -> None:
        number = "11010519491231002X"
        assert formats.IDENTITY_NUMBER.holding(Lists({"division": ["11", "1101"]}))(number)
        assert not formats.IDENTITY_NUMBER.holding(Lists({"division": ["23", "230803"]}))(number)
        assert "110105" in formats.IDENTITY_NUMBER.unknown(number)[1]

    def test_with_a_list_of_abolished_codes_all_six_digits_count(self) -> None:
        assert not Regions(["11", "110101"], ["110103"]).holds("110105")
        assert Regions(["11", "110101"], ["110105"]).holds("110105")


class TestDivision:
    @pytest.mark.parametrize(
        "text", ["", "2", "230", "23080", "2308031", "023", "２３", "230899", "4403", "990000", "230804000000"]
    )
    def test_refused(self, text: str) -> None:
        assert formats.DIVISION.wrong(text) or not formats.DIVISION.holding(LISTS)(text)

    @pytest.mark.parametrize(
        "text",
        ["23", "230000", "230000000", "230000000000", "2308", "230800", "230803", "230803000", "230803001", "230803001234", "441900", "441900003"],
    )  # fmt: skip
    def test_with_and_without_zeros_and_villages_of_known_towns(self, text: str) -> None:
        assert formats.DIVISION.wrong(text) is None
        assert formats.DIVISION.holding(LISTS)(text)

    @pytest.mark.parametrize(
        ("text", "base"), [("230000000000", "23"), ("230800", "2308"), ("230803001002", "230803001"), ("23", "23")]
    )
    def test_base(self, text: str, base: str) -> None:
        assert division.base(text) == base


class TestMobile:
    @pytest.mark.parametrize("text", ["12945412345", "1394541234", "+8613945412345", "139 4541 2345", "0451-8888888", ""])
    def test_refused(self, text: str) -> None:
        assert formats.MOBILE.wrong(text) is not None

    def test_taken(self) -> None:
        assert formats.MOBILE.wrong("13945412345") is None


class TestMessages:
    """What the provider reads: the rule, what was received, how to mend it."""

    def said(self, rule: str, item: Item, value: str | None) -> tuple[str, str]:
        return ItemCheck(record=rules.named(rule), of=item).describe(value)

    def test_credit_code_names_the_right_character(self) -> None:
        item = Item("credit_code", "统一社会信用代码", Type.STRING, title_en="Credit code", format=formats.CREDIT_CODE)
        zh, en = self.said("credit-code", item, "91110108551385082C")
        assert "“统一社会信用代码”" in zh
        assert "收到“91110108551385082C”；末位校验码应为 Q" in zh
        assert "the last character should be Q" in en

    @pytest.mark.parametrize(
        ("value", "zh", "en"),
        [("1,000", "千分位", "separators"), ("12%", "百分号", "percent"), ("12.5", "小数", "whole number"), ("１２", "全角", "full-width"),
         ("9" * 20, "位数", "too large"), ("约三", "单位", "digits only")],
    )  # fmt: skip
    def test_numbers_say_what_is_wrong_with_this_one(self, value: str, zh: str, en: str) -> None:
        said = self.said("type", Item("n", "数量", Type.INTEGER), value)
        assert zh in said[0]
        assert en in said[1]

    def test_dates_show_how_to_write_them(self) -> None:
        zh, _ = self.said("type", Item("d", "评估日期", Type.DATE, formats=("%Y/%m/%d", "%Y年%m月%d日")), "9.3.24")
        assert "2024/03/09 或 2024年03月09日" in zh

    def test_what_is_asked_without_a_value(self) -> None:
        item = Item("n", "数量", Type.INTEGER, minimum="1", exclusive_maximum=True, maximum="9")
        assert self.said("minimum", item, None) == ("“数量”不得小于1", "n may not be below 1")
        assert "应小于9" in self.said("maximum", item, None)[0]

    def test_long_values_are_cut_to_one_line(self) -> None:
        zh, _ = self.said("mobile", Item("m", "电话", Type.STRING, format=formats.MOBILE), "x\n" * 400)
        assert "\n" not in zh
        assert len(zh) < 200
