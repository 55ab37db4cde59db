"""What a person says of a file where the file does not say it: how it is read, what its columns are, what it becomes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from contracts.errors import HubError
from contracts.inference.coordinates import KINDS
from contracts.inference.grid import header_rows
from contracts.inference.guess import ColumnAnswers
from contracts.model import Type
from contracts.vocabulary import MACHINE_NAME

READING = ("sheet", "range", "header", "records", "encoding", "delimiter", "quote", "member")
"""Answers about the file as a whole; they go into a contract's `reading`."""
BY_COLUMN = {
    "dates": ("mdy", "dmy", "ymd", "excel", "roc", "no"),
    "types": tuple(Type),
    "decimal": ("comma", "point"),
    "coordinates": tuple(KINDS),
}
"""Answers about one column each, and their values."""
Short = Annotated[str, Field(max_length=1000)]
ByColumn = Annotated[list[Short], Field(max_length=10_000)]


class UnusableAnswer(HubError):
    """An answer that says nothing the hub understands."""


class FileAnswer(BaseModel):
    """One answer: the question's `option`, and one of its choices, or another value where it is free."""

    option: str = Field(max_length=40, examples=["--header"])
    value: str = Field(max_length=1000, examples=["2"])


class FileAnswers(BaseModel):
    """All that was said of a file. Answers about columns are COLUMN=VALUE."""

    sheet: Short = ""
    range: Short = ""
    header: Short = ""
    records: Short = ""
    encoding: Short = ""
    delimiter: Short = ""
    quote: Short = ""
    member: Short = ""
    dates: ByColumn = []
    types: ByColumn = []
    decimal: ByColumn = []
    coordinates: ByColumn = []
    key: str = Field(default="", max_length=5000, description="Columns, comma-separated; none: no key.")
    dataset: Short = ""
    title: Short = ""
    owner: Short = ""

    def also(self, answers: list[FileAnswer]) -> FileAnswers:
        """With more of them; the last one about a column or the whole counts. Errors: UnusableAnswer."""
        values = self.model_dump()
        for answer in answers:
            name = answer.option.removeprefix("--")
            name = "types" if name == "type" else name
            if name not in values:
                raise UnusableAnswer(f"没有问过 {answer.option}。", f"Nothing was asked about {answer.option}.")
            if name in BY_COLUMN:
                column = answer.value.rpartition("=")[0]
                values[name] = [one for one in values[name] if one.rpartition("=")[0] != column] + [answer.value]
            else:
                values[name] = answer.value
        return FileAnswers(**values)

    def check(self) -> None:
        """Refuse answers that mean nothing, before anything is read. Errors: UnusableAnswer."""
        self.columns()
        if self.dataset and not MACHINE_NAME.fullmatch(self.dataset):
            raise UnusableAnswer(
                f"数据集名 {self.dataset} 应为小写字母、数字、下划线，以字母开头。",
                f"A dataset's name is small letters, digits and _: {self.dataset}.",
            )
        header_rows(self.header)

    @property
    def reading(self) -> dict[str, str]:
        """What was said about the file as a whole."""
        return {name: value for name in READING if (value := getattr(self, name))}

    @property
    def key_columns(self) -> tuple[str, ...] | None:
        """The key; None where it is to be found."""
        if not self.key:
            return None
        return () if self.key == "none" else tuple(part.strip() for part in self.key.split(","))

    def columns(self) -> ColumnAnswers:
        """What was said about single columns. Errors: UnusableAnswer."""
        return ColumnAnswers(
            by_column("--dates", self.dates, BY_COLUMN["dates"]),
            by_column("--type", self.types, BY_COLUMN["types"]),
            by_column("--decimal", self.decimal, BY_COLUMN["decimal"]),
            by_column("--coordinates", self.coordinates, BY_COLUMN["coordinates"]),
        )


def by_column(option: str, values: list[str], allowed: tuple[str, ...]) -> dict[str, str]:
    """COLUMN=VALUE answers as a mapping. Errors: UnusableAnswer."""
    answers = {}
    for value in values:
        column, equals, answer = value.rpartition("=")
        if not equals or answer not in allowed:
            raise UnusableAnswer(
                f"{option} 应写作 列=值，值为 {'、'.join(allowed)}；收到 {value}。",
                f"{option} is COLUMN=VALUE with one of {', '.join(allowed)}: {value}.",
            )
        answers[column] = answer
    return answers
