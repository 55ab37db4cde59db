"""What providers read holds no SQL and no regular expression; numbers have their commas, code lists their codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.checks import pattern_words
from contracts.checks.compile import compile
from contracts.model import BatchRules, Contract, Item, RowRule, Type


def contract(**told: object) -> Contract:
    items = (
        Item("level", "等级", Type.STRING, title_en="Level", code_list="levels"),
        Item("r", "R 值", Type.NUMBER, title_en="R value"),
        Item("code", "编号", Type.STRING, pattern=r"[A-Z]{2}\d{6}"),
    )
    rules = (RowRule("level_r", "(level = '1' AND r >= 100) OR level <> '1'", ("level", "r"), "等级与 R 值", "Level and R"),)
    return Contract("c", "1.0.0", "d", "t", items, row_rules=rules, **told)  # type: ignore[arg-type]


def test_a_row_rule_names_the_items_not_its_expression() -> None:
    check = next(c for c in compile(contract()) if c.rule.startswith("row:"))
    zh, en = check.describe("level = 1, r = 3")
    assert "AND" not in zh + en
    assert "等级 = 1" in zh
    assert "请核对 等级、R 值" in zh
    assert "Level = 1, R value = 3" in en


@pytest.mark.parametrize(
    ("pattern", "zh"),
    [
        (r"[A-Z]{2}\d{6}", "2 个大写字母、6 个数字"),
        (r"^QY-[0-9]{4,6}$", "“QY-”、4 至 6 个数字"),
        (r"\d+", "至少 1 个数字"),
        (r"(a|b)+", ""),
    ],
)
def test_patterns_in_words(pattern: str, zh: str) -> None:
    made = pattern_words.words(pattern)
    assert (made[0] if made else "") == zh


def test_a_wrong_form_is_told_in_words() -> None:
    check = next(c for c in compile(contract()) if c.rule == "pattern")
    zh, en = check.describe("x1")
    assert "大写字母" in zh
    assert "[A-Z]" not in zh + en


def test_a_code_list_names_its_codes() -> None:
    check = next(c for c in compile(contract()) if c.rule == "code-list")
    zh, en = replace(check, codes=("1", "2", "3", "4")).describe("重大")
    assert "1、2、3、4" in zh
    assert "1, 2, 3, 4" in en


def test_row_counts_have_commas() -> None:
    made = contract(batch_rules=BatchRules(min_rows=300, max_rows=1_000_000))
    check = next(c for c in compile(made) if c.rule == "row-count")
    assert check.limit == "300 – 1,000,000"


def test_rules_are_listed_by_what_they_ask() -> None:
    check = next(c for c in compile(contract()) if c.rule == "pattern")
    assert (check.name, check.heading) == (("格式", "Form"), ("格式不符", "Wrong form"))
