"""What a column is called tells: identifiers, codes, quantities, coordinates; and the guess about it that rules write down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.inference.evidence import Evidence, Question
from contracts.inference.glossary import SIMPLIFIED
from contracts.model import Format, Type

CODE_WORDS = frozenset(
    {"id", "ids", "code", "codes", "no", "number", "num", "key", "uuid", "guid", "identifier", "zip", "zipcode",
     "postcode", "postal", "fips", "geoid", "naics", "isbn", "issn", "sku", "serial", "wban", "usaf", "icao", "iata",
     "phone", "tel", "telephone", "mobile", "fax", "account", "plate", "licence", "license", "permit", "certificate",
     "registration", "division", "credit", "identity", "barcode", "ssn", "vin", "imei"}
)  # fmt: skip
STRICT_CODES = frozenset(
    {"code", "codes", "zip", "zipcode", "postcode", "postal", "fips", "geoid", "naics", "isbn", "issn", "sku",
     "phone", "tel", "telephone", "mobile", "fax", "plate", "division", "barcode", "ssn", "vin", "imei", "account"}
)  # fmt: skip
"""Names under which digits never are a quantity, whatever their width."""
NOT_CODES = frozenset(
    {"count", "counts", "total", "amount", "sum", "quantity", "people", "times", "households", "population", "size",
     "value", "price", "rate", "ratio", "share", "length", "area", "level", "distance", "deaths", "injuries", "days",
     "hours", "year", "age", "percent"}
)  # fmt: skip
"""Last words of names that are quantities, whatever stands before."""
CODE_TITLE = re.compile(
    r"(编码|代码|编号|号码|证号|学号|工号|户号|邮编|区划|电话|手机|传真|身份证|证件|账号|卡号|车牌|流水号|单号|文号|批号)"
)
TIME_WORDS = frozenset(
    {
        "time",
        "timestamp",
        "date",
        "datetime",
        "at",
        "updated",
        "created",
        "modified",
        "on",
        "when",
        "epoch",
        "unix",
        "ts",
        "generated",
        "expires",
    }
)


@dataclass(slots=True)
class Guess:
    """What a column was found to be, and why."""

    source: str
    name: str
    type: Type = Type.STRING
    formats: tuple[str, ...] = ()
    epoch: str | None = None
    thousands: bool = False
    decimal_comma: bool = False
    precision: int | None = None
    scale: int | None = None
    """Both set: a decimal that is kept exactly."""
    missing: tuple[str, ...] = ()
    format: Format | None = None
    datum: str | None = None
    unit: str = ""
    key: int | None = None
    grade: str = "L1"
    personal: str | None = None
    told: bool = False
    """A person said the type."""
    damaged: int = 0
    """Rows whose number a spreadsheet has destroyed."""
    exceptions: int = 0
    """Rows that are not of the type and will be quarantined."""
    notes: list[Evidence] = field(default_factory=list)
    question: Question | None = None

    def say(self, zh: str, en: str) -> None:
        """Add a reason or a note, once."""
        if (note := Evidence(zh, en)) not in self.notes:
            self.notes.append(note)


@dataclass(frozen=True, slots=True)
class ColumnAnswers:
    """What a person told about single columns, by header or machine name."""

    dates: Mapping[str, str] = field(default_factory=dict)
    """column (or "*") → dmy, mdy, ymd; excel (day numbers), roc (years of the Republic), no (none of these)."""
    types: Mapping[str, str] = field(default_factory=dict)
    """column → type."""
    decimals: Mapping[str, str] = field(default_factory=dict)
    """column (or "*") → comma or point."""

    places: Mapping[str, str] = field(default_factory=dict)
    """column (a longitude, or "*") → how it and its latitude are written: one of contracts.inference.coordinates.KINDS."""

    def of(self, answers: Mapping[str, str], guess: Guess) -> str:
        """The answer for a column, under any of its names."""
        return answers.get(guess.source) or answers.get(guess.name) or answers.get("*") or ""


def is_code_name(guess: Guess) -> bool:
    """Whether a column is named like an identifier: …_id, …编码."""
    words = name_words(guess)
    if words[-1] in NOT_CODES or re.search(r"(数|量|额|率|值|比|面积|高度|长度)$", guess.source.strip()):
        return False
    return bool({*words} & CODE_WORDS) or bool(CODE_TITLE.search(guess.source.translate(SIMPLIFIED)))


def name_words(guess: Guess) -> list[str]:
    """The words of a column's name; "usercode" ends with the word code."""
    words = guess.name.split("_")
    return [*words[:-1], *re.sub(r"(code|phone)$", r" \1", words[-1]).split()]


def is_strict_code(guess: Guess) -> bool:
    """Whether digits under this name never are a quantity, whatever their width."""
    if not is_code_name(guess):
        return False
    title = guess.source.translate(SIMPLIFIED)
    return bool({*name_words(guess)[-2:]} & STRICT_CODES) or bool(re.search("编码|代码|号码|区划|电话|手机|身份证|邮编", title))
