"""What columns are found to be, from all rows; what cannot be known is asked."""

from __future__ import annotations

import pytest

from contracts.checks.formats import registry as formats
from contracts.errors import HubError
from contracts.inference.guess import ColumnAnswers
from contracts.model import Delivery, Type

from .conftest import lines


class TestTypes:
    def test_types_come_from_all_rows_not_the_first(self, draft) -> None:
        item = draft("id,v\n" + lines(40_000, lambda n: f"{n},{n if n < 39_000 else f'x{n}'}")).contract.item("v")
        assert item.type is Type.STRING

    def test_leading_zeros_stay_text(self, draft) -> None:
        contract = draft("acq_time,n\n" + lines(200, lambda n: f"{n:04d},{n}")).contract
        assert (contract.item("acq_time").type, contract.item("n").type) == (Type.STRING, Type.INTEGER)

    def test_one_leading_zero_in_many_rows_is_enough(self, draft) -> None:
        assert (
            draft("a,b\n" + lines(9_000, lambda n: f"{n + 1},{'007' if n == 8_500 else n}")).contract.item("b").type
            is Type.STRING
        )

    @pytest.mark.parametrize("title", ["区划代码", "zip", "site_code", "电话", "NAICSCode"])
    def test_codes_stay_text(self, draft, title: str) -> None:
        assert draft(f"{title},n\n" + lines(60, lambda n: f"{230100 + n},{n}")).contract.items[0].type is Type.STRING

    def test_quantities_with_code_like_names_are_numbers(self, draft) -> None:
        contract = draft("code_count,division_population\n" + lines(60, lambda n: f"{100 + n},{2000 + n}")).contract
        assert [item.type for item in contract.items] == [Type.INTEGER, Type.INTEGER]

    def test_signed_numbers(self, draft) -> None:
        assert draft("lat,x\n" + lines(60, lambda n: f"+{n:02d}.500,1")).contract.item("lat").type is Type.NUMBER

    def test_more_digits_than_a_number_keeps(self, draft) -> None:
        assert draft("serial,n\n" + lines(60, lambda n: f"{10**19 + n},{n}")).contract.item("serial").type is Type.STRING

    def test_thousands(self, draft) -> None:
        item = draft("id,amount\n" + lines(60, lambda n: f'{n},"{n * 12345:,}"')).contract.item("amount")
        assert (item.type, item.thousands) == (Type.NUMBER, True)

    def test_words_for_no_value_are_told_not_dropped(self, draft) -> None:
        item = draft("id,v\n" + lines(60, lambda n: f"{n},{'N/A' if n % 7 == 0 else n}")).contract.item("v")
        assert (item.type, item.missing) == (Type.INTEGER, ("N/A",))

    def test_a_rare_stray_is_a_fault_of_its_row(self, draft) -> None:
        drafted = draft("id,v\n" + lines(1000, lambda n: f"{n},{'abc' if n == 500 else n}"))
        assert drafted.contract.item("v").type is Type.INTEGER
        assert [guess.exceptions for guess in drafted.guesses] == [0, 1]

    def test_several_strays_are_another_type(self, draft) -> None:
        assert (
            draft("id,v\n" + lines(1000, lambda n: f"{n},{'abc' if n % 50 == 0 else n}")).contract.item("v").type is Type.STRING
        )

    def test_booleans_need_both_words(self, draft) -> None:
        contract = draft("ok,one,bit\n" + lines(60, lambda n: f"{'是' if n % 2 else '否'},Yes,{n % 2}")).contract
        assert [item.type for item in contract.items] == [Type.BOOLEAN, Type.STRING, Type.INTEGER]

    def test_epoch_by_name_and_range(self, draft) -> None:
        contract = draft("updated,serial_ms\n" + lines(60, lambda n: f"{1649051836769 + n},{1649051836769 + n}")).contract
        assert (contract.item("updated").type, contract.item("updated").epoch) == (Type.TIMESTAMP, "milliseconds")
        assert contract.item("serial_ms").type is not Type.TIMESTAMP

    def test_a_type_that_was_told(self, draft) -> None:
        told = ColumnAnswers(types={"v": "number"})
        assert (
            draft("id,v\n" + lines(50, lambda n: f"{n},{'abc' if n % 5 == 0 else n}"), answers=told).contract.item("v").type
            is Type.NUMBER
        )


class TestDates:
    def test_ambiguous_order_is_asked(self, asked) -> None:
        [question] = asked("id,when\n" + lines(50, lambda n: f"{n},{n % 12 + 1:02d}/{n % 11 + 1:02d}/2024"))
        assert question.option == "--dates"
        assert {choice.value for choice in question.choices} == {"when=mdy", "when=dmy"}

    def test_one_late_row_settles_it(self, draft) -> None:
        text = "id,when\n" + lines(500, lambda n: f"{n},{n % 12 + 1}/{n % 11 + 1}/2024") + "500,25/12/2024\n"
        assert draft(text).contract.item("when_value").formats == ("%d/%m/%Y",)

    def test_another_column_of_the_file_settles_it(self, draft) -> None:
        text = "a_date,b_date\n" + lines(50, lambda n: f"{n % 12 + 1}/{n % 11 + 1}/2024,{n % 12 + 1}/{n % 28 + 1}/2024")
        assert {item.formats for item in draft(text).contract.items} == {("%m/%d/%Y",)}

    def test_the_answer_is_kept_in_the_contract(self, draft) -> None:
        text = "id,when\n" + lines(50, lambda n: f"{n},{n % 12 + 1}/{n % 11 + 1}/2024")
        for answer, fmt in (("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y")):
            assert draft(text, answers=ColumnAnswers(dates={"*": answer})).contract.item("when_value").formats == (fmt,)

    @pytest.mark.parametrize(
        ("sample", "type_", "formats"),
        [
            ("2024-01-{0:02d}", Type.DATE, ()),
            ("2024/1/{0}", Type.DATE, ("%Y/%m/%d",)),
            ("2024年1月{0}日", Type.DATE, ("%Y年%m月%d日",)),
            ("202401{0:02d}", Type.DATE, ("%Y%m%d",)),
            ("2024-01-{0:02d} 08:30:00", Type.TIMESTAMP, ()),
            ("2024-01-{0:02d}T08:30:00+0800", Type.TIMESTAMP, ()),
            ("1/{0}/2024 0:00", Type.TIMESTAMP, ("%m/%d/%Y %H:%M",)),
            ("1/{0}/2024 3:05 PM", Type.TIMESTAMP, ("%m/%d/%Y %I:%M %p",)),
            ("{0}-Jan-2024", Type.DATE, ("%d-%b-%Y",)),
        ],
    )
    def test_ways_to_write(self, draft, sample: str, type_: Type, formats: tuple[str, ...]) -> None:
        item = draft("n,采集日期\n" + lines(60, lambda n: f"{n},{sample.format(n % 28 + 1)}")).contract.items[1]
        assert (item.type, item.formats) == (type_, formats)

    def test_dates_and_moments_in_one_column(self, draft) -> None:
        text = "n,modified\n" + lines(60, lambda n: f"{n},{'2024-01-05' if n % 2 else '2024-01-05T10:00:00Z'}")
        item = draft(text).contract.item("modified")
        assert (item.type, set(item.formats)) == (Type.TIMESTAMP, {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"})

    def test_a_date_that_does_not_exist_is_no_date(self, draft) -> None:
        assert draft("n,d\n" + lines(60, lambda n: f"{n},2024-02-30")).contract.item("d").type is Type.STRING


class TestKeys:
    def test_unique_alone_is_no_key(self, draft) -> None:
        contract = draft("name,v\n" + lines(30, lambda n: f"n{n},1")).contract
        assert (contract.key, contract.delivery) == ((), Delivery.APPEND)

    def test_a_unique_code_is_a_key(self, draft) -> None:
        contract = draft("name,code\n" + lines(30, lambda n: f"n{n},A{n}")).contract
        assert (contract.key, contract.delivery) == (("code",), Delivery.CHANGES)

    def test_row_numbers_are_no_key(self, draft) -> None:
        assert draft("序号,名称\n" + lines(30, lambda n: f"{n + 1},n{n}")).contract.key == ()

    def test_a_group_that_cannot_be_unique_by_chance(self, draft) -> None:
        text = "station_code,period_code,v\n" + lines(400, lambda n: f"S{n // 20},P{n % 20},{n % 3}")
        assert set(draft(text).contract.key) == {"station_code", "period_code"}

    def test_a_small_group_is_no_evidence(self, draft) -> None:
        text = "station_code,batch_code,v\n" + lines(6, lambda n: f"S{n // 2},P{n % 4},{n % 3}")
        assert draft(text).contract.key == ()

    def test_a_key_that_was_told(self, draft) -> None:
        text = "name,v\n" + lines(30, lambda n: f"n{n},1")
        assert draft(text, key=("name",)).contract.key == ("name",)
        assert draft("id,v\n" + lines(30, lambda n: f"{n},1"), key=()).contract.key == ()
        with pytest.raises(HubError, match="nothing"):
            draft(text, key=("nothing",))


class TestDomains:
    def test_credit_codes_are_checked_one_by_one(self, draft) -> None:
        text = "信用代码,v\n" + lines(30, lambda n: f"91110108551385082Q,{n}")
        assert draft(text).contract.items[0].format == formats.CREDIT_CODE
        wrong = "信用代码,v\n" + lines(30, lambda n: f"91110108551385082A,{n}")
        assert draft(wrong).contract.items[0].format is None

    def test_divisions_need_the_list(self, draft) -> None:
        text = "区划代码,v\n" + lines(30, lambda n: f"2301{n % 10:02d},{n}")
        known = [f"2301{n:02d}" for n in range(10)]
        assert draft(text, divisions=known).contract.items[0].format == formats.DIVISION
        assert draft(text, divisions=known[:5]).contract.items[0].format is None

    def test_coordinates(self, draft) -> None:
        contract = draft("经度,纬度\n" + lines(60, lambda n: f"{126 + n / 100},{45 + n / 100}")).contract
        assert [(i.format, i.datum) for i in contract.items] == [
            (formats.LONGITUDE, "CGCS2000"),
            (formats.LATITUDE, "CGCS2000"),
        ]

    def test_swapped_coordinates_are_asked(self, asked) -> None:
        [question] = asked("经度,纬度\n" + lines(60, lambda n: f"{45 + n / 100},{126 + n / 100}"))
        assert question.choices[0].value == "经度=swapped"

    def test_personal_data_is_graded_and_never_shown(self, draft) -> None:
        text = "姓名,身份证号,手机号,v\n" + lines(60, lambda n: f"张三丰,11010519491231002X,138{n:08d},{n}")
        drafted = draft(text, divisions=("11", "1101", "110105"))
        assert draft(text).contract.items[1].format is None  # a check that needs a list which is not there would fail the load
        name, identity, mobile, _ = drafted.contract.items
        assert [(i.personal, i.grade) for i in (name, identity, mobile)] == [
            ("name", "L2"), ("identity-number", "L4"), ("mobile", "L3")]  # fmt: skip
        assert identity.format == formats.IDENTITY_NUMBER
        for secret in ("张三丰", "11010519491231002X", "13800000000"):
            assert secret not in drafted.contract.text
            assert secret not in drafted.report


class TestDecimalCommas:
    def test_a_decimal_comma(self, draft) -> None:
        drafted = draft("id;price\n" + lines(60, lambda n: f"{n};{n},5"))
        assert drafted.contract.item("price").type is Type.NUMBER
        assert drafted.contract.reading["decimal"] == ["price"]

    def test_a_comma_that_may_be_either_is_asked(self, asked, draft) -> None:
        text = "id;price\n" + lines(60, lambda n: f"{n};{n + 1},{100 + n}")
        [question] = asked(text)
        assert question.option == "--decimal"
        point = draft(text, answers=ColumnAnswers(decimals={"price": "point"})).contract
        assert (point.item("price").thousands, "decimal" in point.reading) == (True, False)
