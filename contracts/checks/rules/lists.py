"""Which values there may be: the contract's own, or a code list's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from contracts.checks import code_lists
from contracts.checks.rules.base import Check, ItemCheck, Rule
from contracts.checks.rules.wording import sentence, some
from contracts.model import Item, Said, Type
from contracts.sql import literal

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext

SHOWN_CODES = 12
"""Codes of a list that a message names."""


def _values_sql(check: ItemCheck, c: SqlContext) -> str:
    allowed = ", ".join(str(int(v)) if check.of.type is Type.INTEGER else literal(v) for v in check.of.values)
    return f"coalesce({c.value(check.of)} NOT IN ({allowed}), FALSE)"


def _values_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    allowed: list[object] = [int(v) if check.of.type is Type.INTEGER else v for v in check.of.values]
    return f.value(check.of).is_in(allowed).not_().fill_null(False)


def _values(check: ItemCheck, value: str | None) -> Said:
    zh, en = some(check.of.values, 8)
    return sentence(check, value, (f"只能是 {zh}", f"must be one of {en}"), ("请改填其中之一", "write one of them"))


def _code_sql(check: ItemCheck, c: SqlContext) -> str:
    x = c.value(check.of)
    return f"coalesce(NOT {c.member(check.of.code_list or '', x if check.of.type is Type.STRING else f'{x}::VARCHAR')}, FALSE)"


def _code_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    codes = code_lists.fetch(f.lookups, check.of.code_list or "")
    return f.texts(check.of).is_in(list(codes)).not_().fill_null(False)


def _code(check: ItemCheck, value: str | None) -> Said:
    zh, en = some(check.codes, SHOWN_CODES)
    listed = (f"（{zh}）", f" ({en})") if zh else ("", "")
    name = check.of.code_list
    return sentence(
        check,
        value,
        (f"应为代码表 {name} 中的代码{listed[0]}", f"must be a code of the list {name}{listed[1]}"),
        ("请填代码而非名称，从模板下拉表选择", "write the code, not its label; choose from the template's list"),
    )


def with_codes(check: Check, lists: Mapping[str, Sequence[str]]) -> Check:
    """The check; one of a code list with the codes that its message names."""
    if check.record is not CODE_LIST or not isinstance(check, ItemCheck):
        return check
    return replace(check, codes=tuple(lists.get(check.of.code_list or "", ())[: SHOWN_CODES + 1]))


def _code_asked(item: Item) -> bool:
    """A format that looks the same list up says more."""
    return item.code_list is not None and not (item.format is not None and item.code_list == item.format.choices)


VALUES: Rule[ItemCheck] = Rule(
    name="values",
    title=("允许的值", "Allowed values"),
    heading=("值不在允许范围", "Value not allowed"),
    asked=lambda item: bool(item.values),
    sql=_values_sql,
    frame=_values_frame,
    message=_values,
)
CODE_LIST: Rule[ItemCheck] = Rule(
    name="code-list",
    title=("代码表", "Code list"),
    heading=("值不在代码表", "Not in the code list"),
    asked=_code_asked,
    sql=_code_sql,
    frame=_code_frame,
    message=_code,
)
