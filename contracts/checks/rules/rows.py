"""A contract's own rules over several items of one row, in the small expression language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contracts.checks.rules.base import Dimension, RowCheck, Rule
from contracts.checks.rules.wording import received, shown
from contracts.model import Said

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext


def _sql(check: RowCheck, c: SqlContext) -> str:
    return f"coalesce(NOT ({c.expression(check.row_rule.expression).sql()}), FALSE)"


def _frame(check: RowCheck, f: FrameContext) -> pl.Expr:
    return f.expression(check.row_rule.expression).not_().fill_null(False)


def _message(check: RowCheck, value: str | None) -> Said:
    rule = check.row_rule
    zh, en = rule.title or rule.name, rule.title_en or rule.title or rule.name
    if value is None:
        return f"{zh}（{rule.expression}）", f"{en} ({rule.expression})"
    titles = {item.name: (item.title or item.name, item.title_en or item.name) for item in check.about}
    if check.private:
        got = received(check, value)
    else:
        got = (f" {shown(_titled(value, titles, 0))}", shown(_titled(value, titles, 1)))
    items = [titles.get(name, (name, name)) for name in rule.items]
    return (
        f"{zh}：不相符，收到{got[0]}；请核对 {'、'.join(one[0] for one in items)}。",
        f"{en}: they disagree, received {got[1]}; check {', '.join(one[1] for one in items)}.",
    )


def _titled(value: str, titles: dict[str, Said], language: int) -> str:
    """A received value "name = value, …" with the items' titles."""
    return re.sub(r"(^|, )(\w+) = ", lambda m: f"{m[1]}{titles[m[2]][language] if m[2] in titles else m[2]} = ", value)


ROW: Rule[RowCheck] = Rule(
    name="row",
    title=("项间关系", "Items agree"),
    heading=("项间关系不符", "Items disagree"),
    dimension=Dimension.CONSISTENCY,
    sql=_sql,
    frame=_frame,
    message=_message,
    names_items=True,
)
