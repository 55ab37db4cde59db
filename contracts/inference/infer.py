"""What a column is, from the profile of all its rows. Every rule leaves a reason; where evidence is missing it asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from contracts.checks.formats import registry as formats
from contracts.inference import dates
from contracts.inference.amounts import propose
from contracts.inference.coordinates import Conversion, coordinates
from contracts.inference.evidence import Choice, Question, Said
from contracts.inference.guess import TIME_WORDS, ColumnAnswers, Guess, is_code_name, is_strict_code
from contracts.inference.measures import is_measure, is_period_name
from contracts.inference.mends import calendar_question, is_date_name
from contracts.inference.naming import words_of
from contracts.inference.personal import damage, is_number_of_person, mark, remark, settle, shown
from contracts.inference.profile import NO_VALUE, ColumnProfile, Profile
from contracts.model import Format, Type

FEW = 0.002
"""Rows of a column that may differ from its type: they are faults of the rows, not another type."""
FEW_ROWS = 500
"""Below so many rows a single exception is no evidence of a fault: the column stays text."""
BUDGET = 0.008
"""Share of rows that all such exceptions together may send to quarantine."""
EVIDENCE = 0.2
"""Share of the filled rows that must have a value before a type is read from them, unless the name says it."""
DOUBLE_DIGITS, BIGINT_DIGITS, MONEY_DIGITS, MOST_DIGITS = 15, 18, 20, 38
"""Digits that a DOUBLE and a BIGINT keep, that amounts get, that a DECIMAL has at most."""
MEANT_DECIMALS = 8
MANY_SHARE = 0.9
"""From this share on an exception is told to the steward."""
SOME_SHARE, FEW_WORDS, WORD = 0.5, 3, re.compile(r"[^\W\d_]{1,8}")
"""From this share of numbers on, a few words beside them (持平) are proposed as no value."""

NO_DATES = frozenset({"0000-00-00", "0000/00/00", "0000-00-00 00:00:00", "0"})
"""Days that no calendar has: how databases write that there is none."""
BOOLEAN_SETS = ({"true", "false"}, {"是", "否"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})


def infer(
    profile: Profile,
    names: Sequence[str],
    *,
    answers: ColumnAnswers = ColumnAnswers(),
    text_columns: frozenset[str] = frozenset(),
    decimals: Mapping[str, tuple[int, int]] = {},
    converted: Sequence[Conversion] = (),
    delimiter: str = "",
) -> list[Guess]:
    """A guess for each column. `text_columns`, `decimals` (precision and scale): declared so by the file's
    own schema (Parquet)."""
    guesses = [Guess(column.source, name) for column, name in zip(profile.columns, names, strict=True)]
    pairs = list(zip(guesses, profile.columns, strict=True))
    prefer = _file_order(profile)
    mark(pairs)
    for guess, column in pairs:
        if answer := answers.of({k: v for k, v in answers.types.items() if k != "*"}, guess):
            _as_told(guess, column, answer, answers.of(answers.dates, guess) or prefer)
        elif not column.filled:
            guess.say("整列为空", "the column is empty")
        else:
            _decide(guess, column, answers, prefer, column.source in text_columns, delimiter)
    for guess, column in pairs:
        exact(guess, column, decimals.get(column.source))
    _spend(pairs, profile.rows)
    for guess, column in pairs:
        settle(guess, column)
        damage(guess, column)
        propose(guess, column)
        remark(guess, column, profile.rows)
    coordinates(pairs, answers, converted)
    return guesses


def _decide(
    guess: Guess, column: ColumnProfile, answers: ColumnAnswers, prefer: str, declared_text: bool, delimiter: str
) -> None:
    question = calendar_question(guess, column, answers)
    rules: tuple[Callable[[Guess, ColumnProfile], bool], ...] = (
        lambda g, c: declared_text and c.share("dated") != 1,
        lambda g, c: is_number_of_person(g),
        _identifier,
        lambda g, _c: _asks(g, question),
        lambda g, c: _dates(g, c, answers.of(answers.dates, g), prefer),
        _epoch,
        _boolean,
        _notation,
        lambda g, c: _decimal_comma(g, c, answers.of(answers.decimals, g), delimiter),
        _number,
    )
    for rule in rules:
        if rule(guess, column):
            return


def _asks(guess: Guess, question: Question | None) -> bool:
    guess.question = question
    return question is not None


def _notation(guess: Guess, column: ColumnProfile) -> bool:
    """Digits with a point or an E that are a notation, not a quantity: 1E1, 2024.10 under 月份, 1.9 beside 1.10."""
    counts = column.counts
    if counts["bare_exponent"]:
        rows = counts["bare_exponent"]
        guess.say(
            f"{rows} 行写作 1E1 的形式，像型号代码，按文本保存", f"{rows} rows are written like 1E1, as codes are: kept as text"
        )
        return True
    if column.all("year_month") and is_period_name(guess.source):
        guess.say("写作“年.月”（如 2024.10），按文本保存", "written year.month, like 2024.10: kept as text")
        return True
    counted = counts["tenths"] + counts["counted"] + counts["integer"]
    if counts["counted_tens"] and counts["tenths"] and counted == column.filled and not is_measure(guess.source):
        rows = counts["counted_tens"]
        guess.say(
            f"{rows} 行以 0 结尾（如 1.10 与 1.1 并存），像章节号或版本号，按文本保存",
            f"{rows} rows end in 0, like 1.10 beside 1.1, as sections and versions do: kept as text",
        )
        return True
    return False


def _identifier(guess: Guess, column: ColumnProfile) -> bool:
    """Digits that are no quantity stay text: leading zeros, codes of one width, more digits than a number keeps."""
    if any(_looks_like(form, column) for form in formats.recognized()):
        return True
    digits = column.counts["integer"]
    if is_code_name(guess) and column.counts["scientific"]:
        return True
    if not digits or digits < 0.5 * column.filled:
        return False
    if column.counts["leading_zero"] and column.counts["number"] == digits:
        rows = column.counts["leading_zero"]
        guess.say(f"{rows} 行有前导零，按文本保存", f"{rows} rows have leading zeros: kept as text")
        return True
    if column.counts["too_long_digits"]:
        guess.say("数字超过 18 位，按文本保存", "more than 18 digits: kept as text")
        return True
    named = is_code_name(guess)
    if (
        named
        and column.all("integer")
        and column.shortest == column.longest
        and column.longest > 1
        and not _time_like(guess, column)
    ):
        guess.say(
            f"名称像代码且都是 {column.longest} 位数字，按文本保存",
            f"named like a code, always {column.longest} digits: kept as text",
        )
        return True
    if is_strict_code(guess) or (named and column.counts["long_digits"]):
        guess.say("名称是代码或号码，按文本保存", "a code or number by name: kept as text")
        return True
    return False


def _looks_like(form: Format, column: ColumnProfile) -> bool:
    """Whether the values look like a format whose form no quantity has."""
    look = form.recognition
    if look is None or look.named or column.counts.get(form.counted, 0) < look.share * column.filled:
        return False
    return not look.uniform or column.shortest == form.length == column.longest


def _time_like(guess: Guess, column: ColumnProfile) -> bool:
    return column.all("ymd8") and bool(words_of(guess.source) & TIME_WORDS)


def _file_order(profile: Profile) -> str:
    """The order of day and month that some column of the file proves, if all that prove one agree."""
    orders = set()
    for column in profile.columns:
        way = dates.written(column.date_formats, column.filled)
        if way and way.rows == column.filled and not way.rivals:
            orders |= {dates.order(fmt) for fmt in way.formats if dates.numeric_month(fmt)}
    return orders.pop() if len(orders) == 1 else ""


def _dates(guess: Guess, column: ColumnProfile, answer: str, prefer: str) -> bool:
    """A date or timestamp in one consistent order; ambiguous d/m and m/d is asked."""
    if not column.date_formats:
        return False
    none = [pair for pair in column.top if pair[0].strip() in NO_DATES and pair not in column.not_dates]
    missing, missing_rows = _missing([*column.not_dates, *none], NO_DATES)
    filled = column.filled - missing_rows
    joined = {f: n for f, n in column.date_formats.items() if f in dates.JOINED}
    rest = {f: n for f, n in column.date_formats.items() if f not in dates.JOINED}
    counts = rest or (joined if _joined_date(guess, column) else {})
    if not _evidence(filled, column.filled) and not is_date_name(guess.source):
        return _too_little(guess, filled, column.filled)
    way = dates.written(counts, filled, answer or prefer)
    if way is None or not _enough(way.rows, filled):
        if way and way.rows >= SOME_SHARE * filled:
            _unsure(guess, column, "日期", "dates", filled - way.rows, column.not_dates)
        return False
    guess.type = Type.TIMESTAMP if way.timed else Type.DATE
    guess.formats = _formats(way)
    guess.missing, guess.exceptions = missing, filled - way.rows
    ways = [form or "ISO 8601" for form in way.formats]
    guess.say(f"全部 {way.rows} 行按 {'、'.join(ways)} 读", f"all {way.rows} rows read as {', '.join(ways)}")
    if way.rivals:
        guess.question = _ask_order(guess, column, way.rivals)
    elif prefer and not answer and (alone := dates.written(counts, filled)) and alone.rivals:
        order = "月/日" if prefer == "mdy" else "日/月"
        guess.say(
            f"日月顺序与本文件其他列一致：{order}", f"day and month in the order that other columns of the file prove: {prefer}"
        )
    return True


def _formats(way: dates.Written) -> tuple[str, ...]:
    """The formats for the contract: none where ISO 8601 says it all."""
    return () if way.formats == (dates.ISO,) or (way.formats == (dates.DAY,) and not way.timed) else way.formats


def _joined_date(guess: Guess, column: ColumnProfile) -> bool:
    """20240105 is a date when every value is one and the name says so, or they are clearly spread like dates."""
    words = words_of(guess.source)
    named = bool(words & (TIME_WORDS | {"begin", "end", "start", "day", "birth", "from", "to", "until", "period"})) or bool(
        re.search("日|时间|時間|日期", guess.source)
    )
    if named:
        return True
    return not is_code_name(guess) and column.all("ymd8") and column.distinct > 20


ORDERS = {
    "ymd": Said("年-月-日", "year-month-day"),
    "mdy": Said("月/日/年", "month/day/year"),
    "dmy": Said("日/月/年", "day/month/year"),
}
"""Orders of a date, likeliest first."""


def _ask_order(guess: Guess, column: ColumnProfile, rivals: Sequence[str]) -> Question:
    like = shown(guess, [next((value for value, _ in column.top), column.least or "")])
    year = "ymd" in rivals
    zh, en = ("年、月、日", "year, month and day") if year else ("日和月", "day and month")
    return Question(
        "--dates",
        Said(
            f"列“{guess.source}”的日期（如 {like}）分不清{zh}：全部 {column.filled} 行有几种读法都成立",
            f"Dates in {guess.source!r} (like {like}): {en} cannot be told apart, all {column.filled} rows fit several ways",
        ),
        tuple(Choice(f"{guess.source}={order}", ORDERS[order]) for order in ORDERS if order in rivals),
        tuple(guess.notes),
    )


def _missing(others: Sequence[tuple[str, int]], more: frozenset[str] = frozenset()) -> tuple[tuple[str, ...], int]:
    """Values that stand for "no value" among those that do not fit, and their rows."""
    words = NO_VALUE | more
    words_found = [(value, rows) for value, rows in others if value.strip().lower() in words or not value.strip()]
    return tuple(value for value, _ in words_found), sum(rows for _, rows in words_found)


def _evidence(valued: int, filled: int) -> bool:
    """Whether so many rows have a value that they can speak for the column; words for no value are no evidence."""
    return valued >= EVIDENCE * filled


def _too_little(guess: Guess, valued: int, filled: int) -> bool:
    guess.say(
        f"{filled} 行中只有 {valued} 行有值，不足以判断类型，按文本保存",
        f"only {valued} of {filled} rows have a value, too few to tell a type: kept as text",
    )
    return False


def exact(guess: Guess, column: ColumnProfile, declared: tuple[int, int] | None) -> None:
    """A decimal that stays one: declared by the file, or with more digits than a DOUBLE keeps."""
    if guess.type not in (Type.NUMBER, Type.INTEGER):
        return
    if declared and (guess.type is Type.NUMBER or declared[0] > BIGINT_DIGITS):
        guess.type, (guess.precision, guess.scale) = Type.NUMBER, declared
    elif guess.type is Type.NUMBER and column.whole_digits + column.decimals > DOUBLE_DIGITS and _is_exact(guess, column):
        guess.scale = max(column.decimals, 2)
        guess.precision = min(MOST_DIGITS, max(column.whole_digits + guess.scale, MONEY_DIGITS))
    else:
        return
    guess.say(
        f"按 DECIMAL({guess.precision},{guess.scale}) 精确保存", f"kept exactly, as DECIMAL({guess.precision},{guess.scale})"
    )


def _is_exact(guess: Guess, column: ColumnProfile) -> bool:
    """Whether digits beyond the fifteenth are meant: few decimals, no exponent. Sensors and floats print such digits, too."""
    plain = column.counts["plain_decimal"] + column.counts["integer"] + column.counts["thousands"]
    return plain >= column.valued - guess.exceptions and column.decimals <= MEANT_DECIMALS < MOST_DIGITS - column.whole_digits


def _enough(rows: int, filled: int) -> bool:
    """Whether so few rows differ that they are faults and not another type."""
    wrong = filled - rows
    return rows > 0 and (wrong == 0 or (filled >= FEW_ROWS and wrong <= FEW * filled))


def _unsure(guess: Guess, column: ColumnProfile, zh: str, en: str, wrong: int, others: Sequence[tuple[str, int]]) -> None:
    like = shown(guess, [value for value, _ in others[:4]])
    guess.say(
        f"多数值像{zh}，但 {wrong} 行不是（如 {like}），按文本保存；确定时用 --type {guess.source}=类型",
        f"most values look like {en}, {wrong} rows do not (like {like}): kept as text; insist with --type",
    )


def _epoch(guess: Guess, column: ColumnProfile) -> bool:
    """Seconds or milliseconds since 1970 under a name that says time."""
    if not words_of(guess.source) & TIME_WORDS and not re.search("时间|時間|日期", guess.source):
        return False
    for pattern, unit in (("epoch_milliseconds", "milliseconds"), ("epoch_seconds", "seconds")):
        zeros = sum(rows for value, rows in column.top if value == "0")
        if column.all(pattern) and column.filled > zeros and (column.most_number or 0) > 1e8:
            guess.type, guess.epoch = Type.TIMESTAMP, unit
            guess.say(f"自 1970 年起的{'毫秒' if unit == 'milliseconds' else '秒'}数", f"{unit} since 1970")
            if zeros:
                guess.say(
                    f"{zeros} 行为 0，即 1970-01-01，疑为缺值", f"{zeros} rows are 0, that is 1970-01-01: perhaps no value"
                )
            return True
    return False


def _boolean(guess: Guess, column: ColumnProfile) -> bool:
    """Two words for true and false; 0 and 1 stay numbers."""
    values = {value.lower() for value, _ in column.top}
    if not 0 < column.distinct <= 4 or len(values) != 2:
        return False
    if values in BOOLEAN_SETS:
        guess.type = Type.BOOLEAN
        guess.say(f"只有两种值：{'、'.join(sorted(values))}", f"only two values: {', '.join(sorted(values))}")
        return True
    return False


def _decimal_comma(guess: Guess, column: ColumnProfile, answer: str, delimiter: str) -> bool:
    """Numbers written 12,5; where 1,234 may be either the person is asked."""
    commas = column.counts["decimal_comma"] + column.counts["integer"]
    missing, missing_rows = _missing(column.not_numbers)
    filled = column.filled - missing_rows
    if not column.counts["decimal_comma"] or commas < filled or answer == "point":
        return False
    as_thousands = column.counts["thousands"] + column.counts["number"] >= filled
    if as_thousands and answer != "comma":
        if delimiter != ";":
            return False
        guess.question = _ask_decimal(guess, column)
    guess.type, guess.decimal_comma, guess.missing = Type.NUMBER, True, missing
    guess.say("小数点写作逗号", "the decimal point is written as a comma")
    return True


def _ask_decimal(guess: Guess, column: ColumnProfile) -> Question:
    like = shown(guess, [next((value for value, _ in column.top if "," in value), column.least or "")])
    return Question(
        "--decimal",
        Said(
            f"列“{guess.source}”中的逗号（如 {like}）是小数点还是千分位？",
            f"Is the comma in {guess.source!r} (like {like}) a decimal point?",
        ),
        (
            Choice(f"{guess.source}=comma", Said("小数点", "a decimal point")),
            Choice(f"{guess.source}=point", Said("千分位", "it separates thousands")),
        ),
    )


def _number(guess: Guess, column: ColumnProfile) -> bool:
    """Whole and decimal numbers, signed, with thousands separators where they stand."""
    missing, missing_rows = _missing(column.not_numbers)
    filled = column.filled - missing_rows
    good = column.counts["number"] + column.counts["thousands"]
    if filled and not _evidence(filled, column.filled) and not is_measure(guess.source):
        return _too_little(guess, filled, column.filled)
    if not filled or not _enough(good, filled):
        if filled and good >= MANY_SHARE * filled:
            _unsure(guess, column, "数字", "numbers", filled - good, column.not_numbers)
        elif filled and good >= SOME_SHARE * filled and (words := _words_beside(column)):
            rows, said = sum(rows for value, rows in column.not_numbers if value in words), "、".join(words)
            guess.say(
                f"{good} 行是数字，{rows} 行是“{said}”，按文本保存；可作无值：--type {guess.source}=number",
                f"{good} rows are numbers, {rows} say {said}: kept as text; they could stand for no value: "
                f"--type {guess.source}=number",
            )
        return False
    whole = column.counts["integer"] + (column.counts["thousands"] if not _fractions(column) else 0)
    strays = is_code_name(guess) and whole < good and _enough(whole, filled)  # an identifier with a fraction is a shifted row
    measured = whole >= good and is_measure(guess.source)
    guess.type = Type.INTEGER if (whole >= good and not measured) or strays else Type.NUMBER
    if measured:
        guess.say("现均为整数；名称是计量或金额，按数字保存", "all whole so far; a measurement or an amount by name: a number")
    good = whole if strays else good
    guess.thousands = column.counts["thousands"] > 0
    guess.missing, guess.exceptions = missing, filled - good
    if missing:
        guess.say(
            f"“{'、'.join(missing)}”视为无值（{missing_rows} 行）",
            f"{', '.join(missing)} stand for no value ({missing_rows} rows)",
        )
    if guess.exceptions:
        like = shown(guess, [value for value, _ in column.not_numbers if value not in missing])
        guess.say(
            f"{guess.exceptions} 行不是数字（如 {like}），将被隔离",
            f"{guess.exceptions} rows are no numbers (like {like}): quarantined",
        )
    return True


def _words_beside(column: ColumnProfile) -> tuple[str, ...]:
    """The few words that stand beside numbers (持平), where nothing else but words for no value does."""
    others = [value for value, _ in column.not_numbers if value.strip().lower() not in NO_VALUE]
    return tuple(others) if 0 < len(others) <= FEW_WORDS and all(WORD.fullmatch(value.strip()) for value in others) else ()


def _fractions(column: ColumnProfile) -> bool:
    return any("." in value for value in (*column.samples, *(value for value, _ in column.top)))


def _as_told(guess: Guess, column: ColumnProfile, answer: str, prefer: str) -> None:
    """A type that a person insists on; values that do not fit are quarantined."""
    guess.type, guess.told = Type(answer), True
    guess.say(f"按要求定为 {answer}", f"{answer}, as told")
    if guess.type in (Type.DATE, Type.TIMESTAMP):
        way = dates.written(column.date_formats, column.filled, prefer)
        guess.formats = () if way is None else _formats(way)
    if guess.type in (Type.INTEGER, Type.NUMBER):
        guess.thousands = column.counts["thousands"] > 0
    guess.missing = (
        _missing(column.not_dates if guess.formats else column.not_numbers)[0] if guess.type is not Type.STRING else ()
    )
    if guess.type in (Type.INTEGER, Type.NUMBER) and (words := _words_beside(column)):
        guess.missing = (*guess.missing, *words)
        guess.say(f"“{'、'.join(words)}”视为无值", f"{', '.join(words)} stand for no value")


def _spend(pairs: Sequence[tuple[Guess, ColumnProfile]], rows: int) -> None:
    """Exceptions of all columns together stay within the budget; beyond it the worst columns go back to text."""
    left = BUDGET * rows
    for guess, _ in sorted(pairs, key=lambda pair: pair[0].exceptions):
        if not guess.exceptions:
            continue
        if guess.exceptions > left:
            fresh = Guess(guess.source, guess.name)
            guess.type, guess.formats, guess.missing, guess.exceptions = fresh.type, (), (), 0
            guess.say("不合类型的行过多，按文本保存", "too many rows of another type: kept as text")
        left -= guess.exceptions
