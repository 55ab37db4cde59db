"""A profile: what all rows of a file hold, column by column. Computed by the warehouse, read by rules and by stewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contracts.checks.formats import registry as formats

FORMATS: dict[str, str] = {one.counted: one.recognition.pattern for one in formats.OWN.values() if one.recognition}
"""Forms of the hub's own domain formats."""
PATTERNS: dict[str, str] = {
    "integer": r"[+-]?[0-9]+",
    "number": r"[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?",
    "leading_zero": r"0[0-9]+",
    "long_digits": r"[+-]?[0-9]{16,}",
    "too_long_digits": r"[+-]?[0-9]{19,}",
    "thousands": r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?",
    "decimal_comma": r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+",
    "three_after_comma": r"[+-]?[0-9]{1,3},[0-9]{3}",
    "percent": r"[+-]?[0-9]+(\.[0-9]+)? ?[%％]",
    "dated": r"([0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|"
    r"[0-9]{1,2}[- ][A-Za-z]{3,9}[- ,]+[0-9]{2,4}|[A-Za-z]{3,9} [0-9]{1,2},? [0-9]{4}).*",
    "ymd8": r"(1[89]|20|21)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
    "joined_time": r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[T ]?([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9])?",
    "clock": r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?",
    "epoch_seconds": r"0|[0-9]{9,10}",
    "epoch_milliseconds": r"0|[0-9]{12,13}",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    **FORMATS,
    "division": r"[1-9][0-9]([0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?)?",
    "phone": r"(\+?86[- ]?)?((\(0[0-9]{1,3}\)|0[0-9]{1,3})[- ]?)?[0-9]{6,8}([-#转 ]+[0-9]+)?|(\+?86[- ]?)?1[3-9][0-9]{9}",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "person": r"[\x{4e00}-\x{9fff}]{2,4}|[\x{4e00}-\x{9fff}]{1,8}·[\x{4e00}-\x{9fff}]{1,8}|[\x{4e00}-\x{9fff}](先生|女士|小姐)",
    "plate": r"[\x{4e00}-\x{9fff}][A-Z][A-Z0-9]{5,6}",
    "boolean": r"(?i)true|false|yes|no|是|否|有|无|y|n|t|f|0|1",
}
"""Forms that values are counted by, as RE2 patterns over the whole text."""


def brought() -> dict[str, str]:
    """Forms of the domain formats that packs and plug-ins bring."""
    return {
        one.counted: one.recognition.pattern for one in formats.recognized() if one.recognition and one.name not in formats.OWN
    }


_PROVINCE = "(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|81|82)"
_DIGIT, _GAP = "[0-9０-９]", r"[\s\x{a0}\x{3000}-]*"
_DAY = "(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
LONG_PATTERNS: dict[str, str] = {
    "identity_loose": rf"(=?[\"'‘’“”]|\s)*[1-9１-９]{_GAP}({_DIGIT}{_GAP}){{5}}(1{_GAP}9|2{_GAP}0|１{_GAP}９|２{_GAP}０){_GAP}"
    rf"({_DIGIT}{_GAP}){{9}}[0-9０-９XxＸｘ×](\.0+)?[\"'‘’“”\s]*",
    "identity_inside": rf"(?s)(.*[^0-9])?{_PROVINCE}[0-9]{{4}}(19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9Xx]([^0-9].*)?",
    "old_identity": rf"{_PROVINCE}[0-9]{{6}}{_DAY}[0-9]{{3}}(\.0+)?",
    "mobile_loose": r"[\"'=]*(\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(\.0+)?[\"']*",
    "bank_card": r"(62|4|5[1-5])[0-9]{14,17}",
    "scientific": r"[+-]?[0-9](\.[0-9]+)?[eE]\+(0?1[1-9]|0?[2-9][0-9])",
    "rounded": r"[1-9][0-9]{14}0{1,20}",
    "rounded_long": r"[1-9][0-9]{14}0{3,20}",
}
"""Forms of long values, counted in columns that have any of LONG_FROM characters and more."""
LONG_FROM = 8
DECIMAL_PATTERNS: dict[str, str] = {
    "point_zero": r"[+-]?[0-9]+\.0",
    "plain_decimal": r"[+-]?[0-9]*\.[0-9]+",
    "bare_exponent": r"[0-9]+[eE][0-9]+",
    "year_month": r"(18|19|20|21)[0-9]{2}\.(1[0-2]|0?[1-9])",
    "tenths": r"[0-9]{1,4}\.[0-9]",
    "counted": r"[0-9]{1,4}\.[1-9][0-9]",
    "counted_tens": r"[0-9]{1,4}\.[1-9]0",
}
"""Forms counted in columns that have numbers which are not whole."""
WRITTEN_PATTERNS: dict[str, str] = {
    "wrapped": r'="[^"]*"',
    "apostrophe": r"'[^']+",
    "pointed": r"[+-]?[0-9]+\.",
    "midnight": r"[12][0-9]{3}([-/.])[0-9]{1,2}[-/.][0-9]{1,2}[ T]24:00(:00)?",
    "roc": r"(民[国國])?[01]?[0-9]{1,2}[./年-](1[0-2]|0?[1-9])[./月-](3[01]|[12][0-9]|0?[1-9])日?"
    r"|[01]?[0-9]{2}(1[0-2]|0[1-9])(3[01]|[12][0-9]|0[1-9])",
}
"""Forms counted where a first look shows them."""

NO_VALUE = frozenset(
    {"na", "n/a", "#n/a", "#div/0!", "#ref!", "#value!", "#name?", "#num!", "#null!", "null", "none", "nil",
     "nan", "-", "--", "---", "—", "——", "―", "/", "\\", "\\n", ".", "..", "…", "?", "*", "无", "無", "空", "暂无",
     "未知", "不详", "不詳", "缺测", "缺失", "unknown", "missing", "undefined", "(null)", "<null>", "n.a.", "nd"}
)  # fmt: skip
"""Texts that stand for "no value" in a column of numbers or dates."""
SENTINELS = frozenset(
    {
        "9999",
        "99999",
        "999999",
        "-9999",
        "-999",
        "-99",
        "-1",
        "9999.0",
        "-9999.0",
        "-999.9",
        "999.9",
        "9999-12-31",
        "1900-01-01",
        "0000-00-00",
    }
)
"""Values that often mean "unknown"; said to the steward, never decided."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What all rows of one column hold. Counts are rows, not distinct values."""

    source: str
    """The column's header in the file."""
    filled: int
    distinct: int
    pairs: float
    """Sum of squared counts: how likely two rows share a value, times rows squared."""
    shortest: int
    longest: int
    least: str | None
    most: str | None
    least_number: float | None
    most_number: float | None
    counts: Mapping[str, int]
    """Rows that have each of PATTERNS."""
    top: Sequence[tuple[str, int]]
    """The most frequent values with their rows."""
    samples: Sequence[str]
    not_numbers: Sequence[tuple[str, int]]
    """The most frequent values that are no number, and how many rows have each."""
    not_dates: Sequence[tuple[str, int]]
    whole_digits: int = 0
    decimals: int = 0
    """Most digits before and behind the point, of columns with long numbers."""
    outliers: int = 0
    """Rows whose value is no number at all."""
    date_formats: Mapping[str, int] = field(default_factory=dict)
    """strptime formats ("" is ISO 8601) and the rows that each one reads."""

    @property
    def valued(self) -> int:
        """Rows that have a value and not a word for none."""
        return self.filled - sum(rows for value, rows in self.not_numbers if value.strip().lower() in NO_VALUE)

    def share(self, pattern: str) -> float:
        """Share of the filled rows that have a form."""
        return self.counts.get(pattern, 0) / self.filled if self.filled else 0.0

    def all(self, pattern: str) -> bool:
        """Whether every filled row has a form."""
        return bool(self.filled) and self.counts.get(pattern, 0) == self.filled


@dataclass(frozen=True, slots=True)
class Profile:
    """The rows of a file and its columns in order."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    totals: int = 0
    """Trailing rows with sums, left out of everything else."""

    def column(self, source: str) -> ColumnProfile:
        """The column under a header."""
        return next(column for column in self.columns if column.source == source)
