"""Spellings that a program gave a whole column, taken back as it is read: ="0001", '0001, 230102.0, 45000 for a day, 民國113年.

Kept in a contract's `reading` as `mends`, column → kind; any value of another form stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.inference.evidence import Choice, Question, Said
from contracts.inference.glossary import SIMPLIFIED
from contracts.inference.guess import ColumnAnswers, Guess, is_code_name
from contracts.inference.naming import words_of
from contracts.inference.personal import is_number_of_person
from contracts.inference.profile import WRITTEN_PATTERNS, ColumnProfile

FORMS = {
    "quoted": f"{WRITTEN_PATTERNS['wrapped']}|{WRITTEN_PATTERNS['apostrophe']}",
    "whole": r"[+-]?[0-9]+\.0",
    "pointed": WRITTEN_PATTERNS["pointed"],
    "midnight": WRITTEN_PATTERNS["midnight"],
    "excel-days": r"[1-9][0-9]{4}(\.[0-9]+)?",
    "roc": WRITTEN_PATTERNS["roc"],
}
"""Kinds of mend, with the form (RE2) of the values that each one changes."""
DATE_TITLE = re.compile("日期|时间|年月日|生日|出生|日$|[于]$")
DATE_WORDS = frozenset({"date", "day", "time", "datetime", "birthday", "on", "at"})
EXCEL_DAYS = (14_000, 80_000)
"""Days from 1938 to 2119 as Excel counts them."""
MOSTLY = 0.9
PERIODS = frozenset({"year", "month"})


def is_date_name(title: str) -> bool:
    """Whether a column is called like a date or a time."""
    return bool(DATE_TITLE.search(title.translate(SIMPLIFIED))) or bool(words_of(title) & DATE_WORDS)


def needed(pairs: Sequence[tuple[Guess, ColumnProfile]], answers: ColumnAnswers) -> dict[str, str]:
    """The mends that a file's columns need, of those that leave no doubt and those a person told."""
    return {guess.source: kind for guess, column in pairs if (kind := _kind(guess, column, answers))}


def _kind(guess: Guess, column: ColumnProfile, answers: ColumnAnswers) -> str:
    answer = answers.of(answers.dates, guess)
    if answer == "excel" and _like_days(column):
        return "excel-days"
    if answer == "roc" and column.counts["roc"]:
        return "roc"
    if column.counts["wrapped"] or column.counts["apostrophe"] >= 0.5 * max(1, column.filled):
        return "quoted"
    if column.counts["midnight"]:
        return "midnight"
    if column.counts["pointed"] and column.counts["pointed"] + column.counts["number"] >= MOSTLY * column.valued:
        return "pointed"
    coded = is_code_name(guess) or is_number_of_person(guess) or bool(words_of(guess.source) & PERIODS)
    whole = column.counts["point_zero"] + column.counts["integer"] + column.outliers
    return "whole" if coded and column.counts["point_zero"] and whole >= column.filled else ""


def say(guess: Guess, column: ColumnProfile, kind: str) -> None:
    """Tell what was taken back and in how many rows."""
    rows = {
        "quoted": column.counts["wrapped"] + column.counts["apostrophe"],
        "whole": column.counts["point_zero"],
        "midnight": column.counts["midnight"],
        "pointed": column.counts["pointed"],
        "roc": column.counts["roc"],
    }.get(kind, column.filled)
    zh, en = {
        "quoted": ("去掉了 Excel 的 =\"…\" 或前导单引号", "without Excel's =\"…\" or leading apostrophe"),
        "whole": ("去掉了整数后的 .0", "without the .0 behind a whole number"),
        "pointed": ("去掉了数字末尾的小数点", "without a point at a number's end"),
        "midnight": ("24:00 读作次日 00:00", "24:00 read as 00:00 of the next day"),
        "excel-days": ("按 Excel 日期序号换算成日期", "Excel's day numbers as dates"),
        "roc": ("民国纪年换算成公元", "years of the Republic (1912 = 1) as common years"),
    }[kind]  # fmt: skip
    guess.say(f"{rows} 行{zh}", f"{rows} rows {en}")


def _like_days(column: ColumnProfile) -> bool:
    low, high = EXCEL_DAYS
    numbers = column.counts["number"] == column.valued > 0
    return numbers and low <= (column.least_number or 0) and (column.most_number or 0) <= high


def calendar_question(guess: Guess, column: ColumnProfile, answers: ColumnAnswers) -> Question | None:
    """What to ask of a date column whose values are day numbers, or years of the Republic."""
    if not column.filled or answers.of(answers.dates, guess) or not is_date_name(guess.source):
        return None
    if column.counts["integer"] + column.counts["plain_decimal"] == column.valued and _like_days(column):
        return _asked(
            guess,
            ("的值像 Excel 的日期序号", "look like Excel's day numbers"),
            Choice(f"{guess.source}=excel", Said("是 Excel 日期序号，换算成日期", "they are: make them dates")),
        )
    joined = column.all("ymd8")
    if column.counts["roc"] == column.valued > 0 and not joined and _republic(column):
        return _asked(
            guess,
            ("的值像民国纪年", "look like years of the Republic (1912 = 1)"),
            Choice(f"{guess.source}=roc", Said("是民国纪年，换算成公元", "they are: make them common years")),
        )
    return None


def _republic(column: ColumnProfile) -> bool:
    """Whether a column's first numbers can be years of the Republic: three digits, or a word that says so, in every value."""
    values = [value for value, _ in column.top]
    lengths = {len(match.group()) for value in values if (match := re.search("[0-9]+", value))}
    marked = all(value[:1] == "民" for value in values)
    return marked or lengths in ({3}, {7}) or (lengths <= {2, 3, 6, 7} and bool(lengths & {3, 7}))


def _asked(guess: Guess, like: tuple[str, str], choice: Choice) -> Question:
    as_number = Choice(f"{guess.source}=no", Said("不是日期，按数字或文本保存", "they are no dates: keep them as they are"))
    return Question(
        "--dates",
        Said(f"列“{guess.source}”{like[0]}，怎样读？", f"The values of {guess.source!r} {like[1]}; how are they read?"),
        (choice, as_number),
    )
