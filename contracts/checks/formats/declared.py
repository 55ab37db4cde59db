"""Domain formats that a pack brings as data: a pattern or a code list, with its words, in `formats.yaml`.

::

    formats:
      - name: gauge-code
        title: {zh: 测站编码, en: Gauge code}
        asks: {zh: 应为 8 位测站编码, en: must be a gauge code of 8 digits}
        remedy: {zh: 请按测站名录核对, en: compare with the list of gauges}
        pattern: "[1-9][0-9]{7}"
        length: 8
        recognize: true
        valid: ["10600100"]
        invalid: ["0600100", "1060010A"]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.checks import code_lists, regex
from contracts.checks.formats.width import is_half_width
from contracts.errors import HubError
from contracts.model import Codes, Format, Recognition, Said, SqlLists
from contracts.sql import full_match
from contracts.vocabulary import KEBAB_NAME


class InvalidFormats(HubError):
    """A pack's formats that cannot be used; `faults` names each."""

    def __init__(self, source: str, faults: Sequence[Said]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"格式文件 {source} 有 {len(faults)} 处错误：\n" + "\n".join(zh for zh, _ in faults),
            f"The formats in {source} have {len(faults)} fault(s):\n" + "\n".join(en for _, en in faults),
        )


class Words(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)

    @property
    def said(self) -> Said:
        """Chinese, English."""
        return self.zh, self.en


class Declaration(BaseModel):
    """One format as a pack writes it. What its values must be: a pattern, a code of a list, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=KEBAB_NAME)
    title: Words
    asks: Words
    remedy: Words
    pattern: str = Field(default="", max_length=1000)
    code_list: str = Field(default="", alias="codeList", max_length=63)
    length: int | None = Field(default=None, ge=1, le=1000)
    personal: str | None = Field(default=None, max_length=40)
    recognize: bool = False
    """Columns of text are drafted as it, where their values say so."""
    valid: tuple[str, ...] = Field(min_length=1)
    invalid: tuple[str, ...] = Field(min_length=1)


class FormatsFile(BaseModel):
    """A pack's formats.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    formats: tuple[Declaration, ...]


@dataclass(frozen=True)
class DeclaredFormat(Format):
    """A format made of a declaration: the same in both engines by its pattern."""

    declaration: Declaration

    def __post_init__(self) -> None:
        given = self.declaration
        attributes: dict[str, Any] = {
            "name": given.name,
            "title": given.title.said,
            "heading": (f"{given.title.zh}不符", f"Wrong {given.title.en[:1].lower()}{given.title.en[1:]}"),
            "asks": given.asks.said,
            "summary": given.title.said,
            "valid": given.valid,
            "invalid": given.invalid,
            "lists": (given.code_list,) if given.code_list else (),
            "choices": given.code_list or None,
            "length": given.length,
            "personal": given.personal,
            "recognition": Recognition(given.pattern) if given.recognize and given.pattern else None,
        }
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def wrong(self, text: str) -> Said | None:
        """Full-width characters, or not of the pattern."""
        if not self.declaration.pattern or regex.matches(self.declaration.pattern, text):
            return None
        if not is_half_width(text):
            return "含全角字符；请改用半角", "it has full-width characters; use half-width ones"
        return self.declaration.remedy.said

    def sql(self, x: str, lists: SqlLists) -> str:
        """The pattern, and the list."""
        parts = [full_match(x, self.declaration.pattern)] if self.declaration.pattern else []
        parts += [lists.member(name, x) for name in self.lists]
        return f"({' AND '.join(parts)})"

    def holding(self, lookups: Codes) -> Callable[[str], bool]:
        """Whether the list has it."""
        lists = [code_lists.fetch(lookups, name) for name in self.lists]
        return lambda text: all(text in codes for codes in lists)

    def unknown(self, text: str) -> Said:
        """The list does not have it."""
        return self.declaration.remedy.said


def declared(path: Path) -> tuple[DeclaredFormat, ...]:
    """The formats of a pack's file, in its order. Errors: InvalidFormats, with every fault."""
    import yaml  # a tenth of a second that most verbs save

    try:
        document = FormatsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFormats(path.name, [(str(error), str(error))]) from None
    except ValidationError as error:
        raise InvalidFormats(path.name, [_fault(one) for one in error.errors()]) from None
    faults = [fault for given in document.formats for fault in _faults(given)]
    names = [given.name for given in document.formats]
    repeated = sorted({name for name in names if names.count(name) > 1})
    faults += [(f"{name}：名称重复", f"{name}: the name is repeated") for name in repeated]
    if faults:
        raise InvalidFormats(path.name, faults)
    return tuple(DeclaredFormat(given) for given in document.formats)


def _fault(error: Any) -> Said:
    place = ".".join(map(str, error["loc"])) or "formats"
    return f"{place}：{error['msg']}", f"{place}: {error['msg']}"


def _faults(given: Declaration) -> list[Said]:
    """What is wrong with one that is whole: a pattern no engine reads, samples that it does not tell apart."""
    if not given.pattern and not given.code_list:
        return [(f"{given.name}：应写 pattern 或 codeList", f"{given.name}: write pattern or codeList")]
    if not given.pattern:
        return []
    if wrong := regex.problem(given.pattern):
        return [(f"{given.name}：{wrong[0][0]}；{wrong[1][0]}", f"{given.name}: {wrong[0][1]}; {wrong[1][1]}")]
    name, fits = given.name, partial(regex.matches, given.pattern)
    taken = [text for text in given.invalid if not given.code_list and fits(text)]
    refused = [text for text in given.valid if not fits(text)]
    return [
        *((f"{name}：invalid 中的“{t}”符合 pattern", f"{name}: {t!r} is invalid, and fits the pattern") for t in taken),
        *((f"{name}：valid 中的“{t}”不符合 pattern", f"{name}: {t!r} is valid, and does not fit the pattern") for t in refused),
    ]
