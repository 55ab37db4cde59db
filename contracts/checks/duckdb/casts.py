"""Strict casts of text columns in DuckDB SQL, and the patterns that both engines match before they cast."""

from __future__ import annotations

from decimal import Decimal

from contracts.checks import datetimes
from contracts.model import Item, Type
from contracts.sql import full_match, literal

SPACES = "\t\n\x0b\x0c\r \u00a0\u3000\ufeff\u200b"
_SPACE_CLASS = r"[\t\n\x0b\x0c\r \x{A0}\x{3000}\x{FEFF}\x{200B}]"

INTEGER = "[+-]?0*[0-9]{1,19}"
SHORT_NUMBER = r"[+-]?(?:[0-9]{1,7}(?:\.[0-9]{1,20})?|[0-9]{8,13}(?:\.[0-9]{1,2})?|[0-9]{14,15})"
"""Numbers that a DOUBLE holds as they are written: fifteen digits, or decimals that are a sensor's noise."""
LONG_NUMBER = r"[+-]?[0-9]{8,}(?:\.[0-9]{0,8}0*)?"
"""Numbers that may have digits that are meant (no more than eight decimals, as money has) and that a DOUBLE rounds."""
MOST_WHOLE = 30
"""Digits before the point that DECIMAL(38, 8) holds."""
GROUPED = "[+-]?[0-9]{1,3}(?:,[0-9]{3})+"
DOUBLE = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
GROUPED_NUMBER = GROUPED + r"(?:\.[0-9]+)?"
TRUE_WORDS = ("true", "yes", "y", "t", "1", "是")
FALSE_WORDS = ("false", "no", "n", "f", "0", "否")
SHANGHAI = "Asia/Shanghai"


def decimal_pattern(precision: int, scale: int) -> str:
    """Numbers that DECIMAL(precision, scale) holds without rounding; zeros in front and behind do not count."""
    whole = precision - scale
    integral = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
    if not scale:
        return rf"[+-]?{integral}(?:\.0+)?"
    return rf"[+-]?(?:{integral}(?:\.[0-9]{{1,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)"


def column_type(item: Item) -> str:
    """The DuckDB type of an item's column in the lake."""
    if item.type is Type.NUMBER:
        exact = item.precision is not None and item.scale is not None
        return f"DECIMAL({item.precision},{item.scale})" if exact else "DOUBLE"
    return {
        Type.STRING: "VARCHAR",
        Type.INTEGER: "BIGINT",
        Type.BOOLEAN: "BOOLEAN",
        Type.DATE: "DATE",
        Type.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
        Type.TIME: "TIME",
    }[item.type]


def text_sql(item: Item, column: str) -> str:
    """The trimmed text of a source column; NULL where it says that there is no value."""
    source = _present(item, column)
    edge = f"regexp_matches({source}, '^{_SPACE_CLASS}|{_SPACE_CLASS}$')"
    trimmed = f"nullif(trim({source}, {literal(SPACES)}), '')"
    for word in item.missing:
        trimmed = f"nullif({trimmed}, {literal(word)})"
    return f"CASE WHEN {edge} THEN {trimmed} ELSE nullif({source}, '') END"


def _present(item: Item, column: str) -> str:
    for word in item.missing:
        column = f"nullif({column}, {literal(word)})"
    return column


def cast_sql(item: Item, column: str) -> str:
    """The typed value of a source column of text, or NULL where the text is not strictly of the item's type.

    Most texts are as they should be: they take a short way, and only the rest is trimmed and tried again.
    """
    source = _present(item, column)
    fast = _fast(item, source)
    slow = text_sql(item, column) if item.type is Type.STRING else _slow(item, text_sql(item, column))
    return f"CASE {fast} ELSE {slow} END" if fast else slow


def matches(column: str, pattern: str) -> str:
    """True where the whole text matches."""
    return full_match(column, pattern)


def _fast(item: Item, c: str) -> str:
    """WHEN … THEN … for the usual spelling of a type; empty where there is no short way.

    What the engine prints for the value is the text again: strict, and half as dear as a pattern (5 M: 0.25 s against 0.5 s).
    """
    if item.type is Type.STRING:  # half as dear as looking for spaces by pattern
        return f"WHEN {_no_space(c)} AND {_no_space(f'({c})[-1]')} THEN {c}"
    if item.type is Type.INTEGER:
        return f"WHEN TRY_CAST({c} AS BIGINT)::VARCHAR = {c} THEN TRY_CAST({c} AS BIGINT)"
    if item.type is Type.NUMBER and column_type(item) == "DOUBLE":
        return f"WHEN {matches(c, SHORT_NUMBER)} THEN TRY_CAST({c} AS DOUBLE)"
    if item.type is Type.NUMBER:
        exact = decimal_pattern(item.precision or 0, item.scale or 0)
        return f"WHEN {matches(c, exact)} THEN TRY_CAST({c} AS {column_type(item)})"
    if item.type is Type.BOOLEAN:
        return f"WHEN {c} IN ('1', 'true', '是', 'Y') THEN TRUE WHEN {c} IN ('0', 'false', '否', 'N') THEN FALSE"
    if item.type is Type.DATE and not item.formats:
        usual = f"length({c}) = 10 AND {c} >= '1'"  # no infinity, no years before 1000
        return f"WHEN {usual} AND TRY_CAST({c} AS DATE)::VARCHAR = {c} THEN TRY_CAST({c} AS DATE)"
    if item.type is Type.TIMESTAMP and not item.formats and not item.epoch and item.timezone == SHANGHAI:
        modern = datetimes.NAIVE.replace("[1-9][0-9]{3}", "(?:199[2-9]|[2-9][0-9]{3})", 1).replace("{1,9}", "{1,6}")
        usual = f"length({c}) = 19 AND {c} >= '1992' AND TRY_CAST({c} AS TIMESTAMP)::VARCHAR = {c}"
        moment = f"make_timestamptz(epoch_us(TRY_CAST({c} AS TIMESTAMP)) - 28800000000)"
        return f"WHEN {usual} THEN {moment} WHEN {matches(c, modern)} THEN {moment}"
    return ""


def _no_space(c: str) -> str:
    """True where the first character is none of SPACES: Latin from ! on, or any of the scripts between U+3001 and U+FEFE."""
    return f"(unicode({c}) BETWEEN 33 AND 159 OR unicode({c}) BETWEEN 12289 AND 65278)"


def _slow(item: Item, t: str) -> str:
    if item.type is Type.INTEGER:
        return _number(item, t, INTEGER, GROUPED, "BIGINT")
    if item.type is Type.NUMBER and column_type(item) == "DOUBLE":
        number = _number(item, t, DOUBLE, GROUPED_NUMBER, "DOUBLE")
        finite = f"nullif(nullif({number}, 'inf'::DOUBLE), '-inf'::DOUBLE)"
        bare = f"replace({t}, ',', '')" if item.thousands else t
        return f"CASE WHEN {_rounds(bare)} THEN NULL ELSE {finite} END"
    if item.type is Type.NUMBER:
        return _decimal(item, t)
    if item.type is Type.BOOLEAN:
        yes, no = (", ".join(map(literal, words)) for words in (TRUE_WORDS, FALSE_WORDS))
        return f"CASE WHEN lower({t}) IN ({yes}) THEN TRUE WHEN lower({t}) IN ({no}) THEN FALSE END"
    if item.epoch:
        return _epoch(item, t)
    if item.formats:
        ways = " ".join(
            f"WHEN {matches(t, datetimes.plain(datetimes.pattern(f)))} THEN {_parsed(item, t, f)}" for f in item.formats
        )
        return f"CASE {ways} END"
    if item.type is Type.DATE:
        return f"CASE WHEN {matches(t, datetimes.DATE)} THEN TRY_CAST({t} AS DATE) END"
    if item.type is Type.TIME:
        return f"CASE WHEN {matches(t, datetimes.CLOCK)} THEN TRY_CAST({t} AS TIME) END"
    return _timestamp(item, t)


def _number(item: Item, t: str, simple: str, grouped: str, type_: str) -> str:
    ways = f"WHEN {matches(t, simple)} THEN TRY_CAST({t} AS {type_})"
    if item.thousands:
        ways += f" WHEN {matches(t, grouped)} THEN TRY_CAST(replace({t}, ',', '') AS {type_})"
    return f"CASE {ways} END"


def _rounds(t: str) -> str:
    """True where a DOUBLE would hold another number than is written: 12345678901234567.89."""
    exact = "DECIMAL(38, 8)"
    unchanged = f"TRY_CAST(TRY_CAST({t} AS DOUBLE)::VARCHAR AS {exact}) = TRY_CAST({t} AS {exact})"
    return f"{matches(t, LONG_NUMBER)} AND NOT coalesce({unchanged}, FALSE)"


def rounds(text: str) -> bool:
    """The same of one text, for the engine that is not SQL."""
    whole = text.lstrip("+-").partition(".")[0].lstrip("0")
    return len(whole) > MOST_WHOLE or Decimal(repr(float(text))) != Decimal(text)


def _decimal(item: Item, t: str) -> str:
    simple, type_ = decimal_pattern(item.precision or 0, item.scale or 0), column_type(item)
    ways = f"WHEN {matches(t, simple)} THEN TRY_CAST({t} AS {type_})"
    if item.thousands:
        bare = f"replace({t}, ',', '')"
        ways += f" WHEN {matches(t, GROUPED_NUMBER)} AND {matches(bare, simple)} THEN TRY_CAST({bare} AS {type_})"
    return f"CASE {ways} END"


def _epoch(item: Item, t: str) -> str:
    unit = item.epoch or "seconds"
    low, high = datetimes.EPOCH_LIMITS[unit]
    number = f"TRY_CAST({t} AS BIGINT)"
    factor = 1000 if unit == "milliseconds" else 1000000
    whole = matches(t, f"-?[0-9]{{1,{datetimes.EPOCH_DIGITS[unit]}}}")
    return (
        f"CASE WHEN {whole} THEN CASE WHEN {number} BETWEEN {low} AND {high} THEN make_timestamptz({number} * {factor}) END END"
    )


def _parsed(item: Item, t: str, fmt: str) -> str:
    """A text that matched a strptime format, as the item's type."""
    form = datetimes.canonical(fmt)
    if item.type is Type.DATE:
        return f"TRY_CAST(try_strptime({t}, {literal(form)}) AS DATE)"
    if item.type is Type.TIME:
        return f"TRY_CAST(try_strptime({t}, {literal(form)}) AS TIME)"
    if form.endswith("%z"):
        return f"try_strptime(regexp_replace({t}, '[Zz]$', '+00:00'), {literal(form)})"
    return local_sql(f"try_strptime({t}, {literal(form)})", item.timezone)


def local_sql(naive: str, zone: str) -> str:
    """A moment of a local time in a zone; NULL for a time that daylight saving skipped.

    ICU costs 0.4 s for 5 M rows: Shanghai has been eight hours ahead without a change since 1992.
    """
    if zone in ("UTC", "Etc/UTC"):
        return f"make_timestamptz(epoch_us({naive}))"
    moment = f"timezone({literal(zone)}, {naive})"
    checked = f"CASE WHEN timezone({literal(zone)}, {moment}) = {naive} THEN {moment} END"
    if zone != SHANGHAI:
        return checked
    return (
        f"CASE WHEN {naive} >= TIMESTAMP '1992-01-01' THEN make_timestamptz(epoch_us({naive}) - 28800000000) ELSE {checked} END"
    )


def _timestamp(item: Item, t: str) -> str:
    """ISO 8601 with or without seconds, fraction and zone."""
    naive = f"TRY_CAST({t} AS TIMESTAMP)"
    split = f"regexp_extract({t}, {literal('^' + datetimes.ZONED + '$')}, "
    local, zone = f"TRY_CAST({split}1) AS TIMESTAMP)", f"{split}2)"
    digits = f"replace({zone}[2:], ':', '')"
    minutes = f"(TRY_CAST({digits}[1:2] AS BIGINT) * 60 + coalesce(TRY_CAST(nullif({digits}[3:4], '') AS BIGINT), 0))"
    offset = f"CASE {zone}[1] WHEN '+' THEN {minutes} WHEN '-' THEN -{minutes} ELSE 0 END"
    return (
        f"CASE WHEN {matches(t, datetimes.NAIVE)} THEN {local_sql(naive, item.timezone)} "
        f"WHEN {matches(t, datetimes.ZONED)} THEN make_timestamptz(epoch_us({local}) - ({offset}) * 60000000) END"
    )
