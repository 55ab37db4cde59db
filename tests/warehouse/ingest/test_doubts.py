"""Nothing is lost in silence: columns that are gone, dates written otherwise, moved headers, files that come again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.deliveries import Answers
from contracts.model import Contract, Delivery, Item, Type
from tests.warehouse.conftest import READING, Hub, thing
from warehouse.ingest import deliver as ingest

TOWNS = ("向阳镇", "红旗乡", "胜利镇", "东风镇")
HEADER = ("企业编号", "企业名称", "乡镇", "从业人数", "成立日期", "联系电话")
ROWS = [
    (
        f"QY{n:04d}",
        f"{TOWNS[n % 4]}第{n}化工厂",
        TOWNS[n % 4],
        str(20 + n * 7 % 300),
        f"{1990 + n % 33}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
        f"138{10000000 + n * 7919}",
    )
    for n in range(200)
]


def enterprises(**told: object) -> Contract:
    """A contract over 200 enterprises as onboarding drafts it: a key, and everything else optional."""
    items = (
        Item("code", "企业编号", Type.STRING, key=1, required=True),
        Item("name", "企业名称", Type.STRING),
        Item("town", "乡镇", Type.STRING),
        Item("people", "从业人数", Type.INTEGER),
        Item("founded", "成立日期", Type.DATE),
        Item("phone", "联系电话", Type.STRING),
    )
    return replace(thing(dataset="enterprise"), title="企业台账", items=items, **told)  # type: ignore[arg-type]


def text(header: tuple[str, ...] = HEADER, rows: list[tuple[str, ...]] = ROWS, above: str = "") -> str:
    return above + "\n".join(",".join(row) for row in (header, *rows)) + "\n"


def without(place: int) -> str:
    return text(HEADER[:place] + HEADER[place + 1 :], [row[:place] + row[place + 1 :] for row in ROWS])


def filled(hub: Hub) -> tuple[int, ...]:
    return hub.sql(
        "SELECT count(*), count(name), count(town), count(people), count(founded), count(phone) FROM resource.enterprise"
    )[0]


@pytest.fixture
def loaded(hub: Hub) -> Hub:
    hub.given.add(enterprises())
    assert hub.deliver(text(), "enterprise").outcome.accepted == 200
    return hub


class TestColumns:
    def test_a_renamed_column_holds_the_batch_and_proposes_the_mapping(self, loaded: Hub) -> None:
        made = loaded.deliver(text((HEADER[0], "单位名称", *HEADER[2:])), "enterprise")
        assert (made.outcome.state, made.outcome.accepted) == ("held", 0)
        assert filled(loaded) == (200,) * 6
        question = made.outcome.questions[0]
        assert question["choices"][0]["args"] == ["--map", "单位名称=企业名称"]
        assert "200" in question["evidence"][0]["zh"]
        assert "相似" in question["evidence"][0]["zh"]

    def test_the_mapping_is_remembered(self, loaded: Hub) -> None:
        renamed = text((HEADER[0], "单位名称", *HEADER[2:]))
        held = loaded.deliver(renamed, "enterprise")
        answers = Answers.of(held.outcome.questions[0]["choices"][0]["answers"])
        made = ingest.answer(loaded.settings, loaded.ledger, loaded.given, held.batch_id, answers, by="steward")
        assert (made.batch_id, made.outcome.state, made.outcome.unchanged) == (held.batch_id, "loaded", 200)
        later = loaded.deliver(renamed.replace("第7化工厂", "第七化工厂"), "enterprise")
        assert (later.outcome.state, later.outcome.updated) == ("loaded", 1)
        assert filled(loaded) == (200,) * 6

    @pytest.mark.parametrize("place", [1, 4, 5])
    def test_a_column_that_is_gone_holds_the_batch(self, loaded: Hub, place: int) -> None:
        made = loaded.deliver(without(place), "enterprise")
        assert made.outcome.state == "held"
        assert HEADER[place] in made.outcome.message
        assert filled(loaded) == (200,) * 6
        again = ingest.answer(
            loaded.settings, loaded.ledger, loaded.given, made.batch_id,
            Answers(absent=(enterprises().items[place].name,)), by="steward",
        )  # fmt: skip
        assert again.outcome.state == "loaded"

    @pytest.mark.parametrize("rest", [0, 4])
    def test_a_column_that_was_full_and_is_nearly_empty_is_the_same(self, loaded: Hub, rest: int) -> None:
        rows = [(*row[:5], row[5] if n < rest else "") for n, row in enumerate(ROWS)]
        made = loaded.deliver(text(rows=rows), "enterprise")
        assert made.outcome.state == "held"
        assert made.outcome.questions[0]["about"] == "emptied"
        assert filled(loaded) == (200,) * 6

    def test_a_renamed_key_is_found_by_its_values(self, loaded: Hub) -> None:
        made = loaded.deliver(text(("单位代码", *HEADER[1:])), "enterprise")
        assert made.outcome.state == "held"
        assert made.outcome.questions[0]["choices"][0]["args"] == ["--map", "单位代码=企业编号"]

    def test_a_column_more_loses_nothing_and_is_proposed(self, loaded: Hub) -> None:
        made = loaded.deliver(text((*HEADER, "备注"), [(*row, "无") for row in ROWS]), "enterprise")
        assert made.outcome.state == "loaded"
        told = next(check for check in made.outcome.checks if check["rule"] == "columns")
        assert "备注" in told["message"]
        assert "契约" in told["message"]

    def test_a_column_that_never_had_a_value_may_be_missing(self, hub: Hub) -> None:
        hub.given.add(enterprises())
        hub.deliver(text(rows=[(*row[:5], "") for row in ROWS]), "enterprise")
        assert hub.deliver(without(5), "enterprise").outcome.state == "loaded"

    def test_the_same_file_again_while_it_is_held_is_the_same_question(self, loaded: Hub) -> None:
        first, second = loaded.deliver(without(1), "enterprise"), loaded.deliver(without(1), "enterprise")
        assert (second.batch_id, second.no_op, second.outcome.state) == (first.batch_id, True, "held")

    def test_a_held_batch_blocks_no_other(self, loaded: Hub) -> None:
        held = loaded.deliver(without(1), "enterprise")
        changed = loaded.deliver(text().replace("第7化工厂", "第七化工厂"), "enterprise")
        assert changed.outcome.updated == 1
        assert [entry.batch_id for entry in loaded.ledger.unsettled()] == []
        made = ingest.answer(
            loaded.settings, loaded.ledger, loaded.given, held.batch_id, Answers(absent=("name",)), by="steward"
        )
        assert loaded.ledger.history("enterprise")[-1].batch_id == made.batch_id


class TestDates:
    @pytest.mark.parametrize(
        "form", ["{0}/{1}/{2}", "{0}.{1}.{2}", "{0}年{1}月{2}日", "{0}{1}{2}", "{1}/{2}/{0}", "{2}.{1}.{0}"]
    )
    def test_dates_written_otherwise_but_clearly_are_read(self, loaded: Hub, form: str) -> None:
        rows = [(*row[:4], form.format(*row[4].split("-")), row[5]) for row in ROWS]
        outcome = loaded.deliver(text(rows=rows), "enterprise").outcome
        assert (outcome.state, outcome.unchanged) == ("loaded", 200)
        assert [c["expected"] for c in outcome.checks if c["rule"] == "dates"] == ["成立日期"]

    def test_dates_that_read_in_two_ways_are_asked(self, loaded: Hub) -> None:
        rows = [(*row[:4], f"0{n % 9 + 1}/0{n % 7 + 1}/2012", row[5]) for n, row in enumerate(ROWS)]
        held = loaded.deliver(text(rows=rows), "enterprise")
        assert held.outcome.state == "held"
        assert [c["args"] for c in held.outcome.questions[0]["choices"]] == [
            ["--dates", "成立日期=dmy"], ["--dates", "成立日期=mdy"],
        ]  # fmt: skip
        made = ingest.answer(
            loaded.settings, loaded.ledger, loaded.given, held.batch_id, Answers(dates={"founded": "dmy"}), by="steward"
        )
        assert made.outcome.updated == 200
        assert loaded.sql("SELECT founded FROM resource.enterprise WHERE code = 'QY0001'")[0][0].isoformat() == "2012-02-02"

    def test_a_time_of_day_is_not_dropped(self, loaded: Hub) -> None:
        rows = [(*row[:4], f"{row[4]} 0{n % 9}:30:00", row[5]) for n, row in enumerate(ROWS)]
        assert loaded.deliver(text(rows=rows), "enterprise").outcome.accepted == 0

    def test_a_few_wrong_ones_stay_in_quarantine(self, loaded: Hub) -> None:
        rows = [(*row[:4], "不详" if n < 3 else row[4].replace("-", "/"), row[5]) for n, row in enumerate(ROWS)]
        outcome = loaded.deliver(text(rows=rows), "enterprise").outcome
        assert (outcome.accepted, outcome.quarantined) == (197, 3)


class TestHeader:
    @pytest.mark.parametrize("above", ["某县企业台账,,,,,\n", "某县企业台账\n填报单位：应急局\n", "某县企业台账,,,,,\n,,,,,\n"])
    def test_a_header_below_title_lines_is_found(self, loaded: Hub, above: str) -> None:
        outcome = loaded.deliver(text(above=above), "enterprise").outcome
        assert (outcome.state, outcome.received, outcome.unchanged) == ("loaded", 200, 200)

    def test_one_that_moved_up_again_too(self, hub: Hub) -> None:
        hub.given.add(enterprises(reading={**READING, "header": 3}))
        assert hub.deliver(text(), "enterprise").outcome.accepted == 200

    def test_a_moved_header_and_a_renamed_column(self, loaded: Hub) -> None:
        made = loaded.deliver(text((HEADER[0], "单位名称", *HEADER[2:]), above="企业台账,,,,,\n"), "enterprise")
        assert made.outcome.questions[0]["choices"][0]["args"] == ["--map", "单位名称=企业名称"]


class TestWhole:
    def test_nothing_accepted_is_no_success(self, loaded: Hub) -> None:
        rows = [(*row[:3], "很多", *row[4:]) for row in ROWS]
        made = loaded.deliver(text(rows=rows), "enterprise")
        assert (made.outcome.state, made.outcome.accepted, made.outcome.quarantined) == ("returned", 0, 200)
        assert loaded.ledger.entry(made.batch_id).state == "returned"

    def test_an_older_file_after_newer_ones_asks(self, loaded: Hub) -> None:
        loaded.deliver(text().replace("第7化工厂", "第七化工厂"), "enterprise")
        held = loaded.deliver(text(), "enterprise")
        assert held.outcome.state == "held"
        assert held.outcome.questions[0]["about"] == "again"
        made = ingest.answer(loaded.settings, loaded.ledger, loaded.given, held.batch_id, Answers(again=True), by="s")
        assert made.outcome.updated == 1
        third = loaded.deliver(text().replace("第7化工厂", "第七化工厂"), "enterprise")
        assert third.outcome.state == "held"  # that answer was for one delivery


MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04"]
PLACES = [f"{n}号乡镇" for n in range(12)]


def report(months: list[str], add: int = 0) -> str:
    lines = [f"{place},{month},{100 + n + add}" for month in months for n, place in enumerate(PLACES)]
    return "乡镇,月份,数量\n" + "\n".join(lines) + "\n"


class TestWithoutKey:
    @pytest.fixture
    def series(self, hub: Hub) -> Hub:
        items = (Item("town", "乡镇", Type.STRING), Item("month", "月份", Type.STRING), Item("number", "数量", Type.INTEGER))
        hub.given.add(replace(thing(Delivery.APPEND, dataset="report"), items=items))
        hub.deliver(report(MONTHS[:1]), "report")
        return hub

    def rows(self, hub: Hub) -> int:
        return int(hub.sql("SELECT count(*) FROM resource.report")[0][0])

    def test_the_next_month_is_appended(self, series: Hub) -> None:
        assert series.deliver(report(MONTHS[1:2]), "report").outcome.state == "loaded"
        assert self.rows(series) == 24

    def test_a_cumulative_file_asks(self, series: Hub) -> None:
        held = series.deliver(report(MONTHS[:2]), "report")
        assert (held.outcome.state, self.rows(series)) == ("held", 12)
        assert [c["args"] for c in held.outcome.questions[0]["choices"]] == [
            ["--key", "乡镇,月份"], ["--overlap", "replace"], ["--overlap", "append"],
        ]  # fmt: skip

    def test_a_corrected_file_asks_even_where_every_value_changed(self, series: Hub) -> None:
        held = series.deliver(report(MONTHS[:1], add=50), "report")
        assert held.outcome.state == "held"
        assert "12" in held.outcome.questions[0]["evidence"][0]["zh"]

    @pytest.mark.parametrize("answers", [Answers(overlap="replace"), Answers(key=("town", "month"))])
    def test_it_grows_without_repeats_once_it_is_answered(self, series: Hub, answers: Answers) -> None:
        held = series.deliver(report(MONTHS[:2]), "report")
        ingest.answer(series.settings, series.ledger, series.given, held.batch_id, answers, by="steward")
        assert self.rows(series) == 24
        assert series.deliver(report(MONTHS), "report").outcome.state == "loaded"
        assert self.rows(series) == 48

    def test_appended_as_told(self, series: Hub) -> None:
        held = series.deliver(report(MONTHS[:2]), "report")
        ingest.answer(series.settings, series.ledger, series.given, held.batch_id, Answers(overlap="append"), by="steward")
        assert self.rows(series) == 36

    def test_only_what_it_corrects_is_replaced_and_an_undo_brings_it_back(self, series: Hub) -> None:
        series.deliver(report(MONTHS[1:2]), "report")
        made = series.deliver(report(MONTHS[:1], add=50), "report", answers=Answers(overlap="replace"))
        assert (made.outcome.inserted, made.outcome.removed, self.rows(series)) == (12, 12, 24)
        assert series.sql("SELECT min(number) FROM resource.report WHERE month = '2024-01'") == [(150,)]
        series.undo(made.batch_id)
        assert (self.rows(series), series.sql("SELECT min(number) FROM resource.report")) == (24, [(100,)])

    def test_a_small_part_of_a_large_delivery_replaces_nothing(self, series: Hub) -> None:
        lines = report(MONTHS[:1]).splitlines(keepends=True)
        made = series.deliver("".join(lines[:5]), "report", answers=Answers(overlap="replace"))
        assert (made.outcome.state, self.rows(series)) == ("held", 12)
        assert ["--overlap", "replace"] not in [c["args"] for c in made.outcome.questions[0]["choices"]]
