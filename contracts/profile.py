"""A profile: what all rows of a file hold, column by column. Computed by the warehouse, read by rules and by stewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    "credit_code": r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}",
    "identity_number": r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]",
    "division": r"[1-9][0-9]([0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?)?",
    "mobile": r"1[3-9][0-9]{9}",
    "phone": r"(\+?86[- ]?)?((\(0[0-9]{1,3}\)|0[0-9]{1,3})[- ]?)?[0-9]{6,8}([-#转 ]+[0-9]+)?|(\+?86[- ]?)?1[3-9][0-9]{9}",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "person": r"[\x{4e00}-\x{9fff}]{2,4}|[\x{4e00}-\x{9fff}]{1,8}·[\x{4e00}-\x{9fff}]{1,8}|[\x{4e00}-\x{9fff}](先生|女士|小姐)",
    "plate": r"[\x{4e00}-\x{9fff}][A-Z][A-Z0-9]{5,6}",
    "boolean": r"(?i)true|false|yes|no|是|否|有|无|y|n|t|f|0|1",
}
"""Forms that values are counted by, as RE2 patterns over the whole text."""

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
    outliers: int = 0
    """Rows whose value is no number at all."""
    date_formats: Mapping[str, int] = field(default_factory=dict)
    """strptime formats ("" is ISO 8601) and the rows that each one reads."""

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
