"""The rule of a domain format: the format's own SQL and words, in a rule's place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contracts.checks.rules.base import Dimension, ItemCheck, Rule
from contracts.checks.rules.wording import sentence
from contracts.model import Format, Said

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext


def rule(form: Format) -> Rule[ItemCheck]:
    """The rule that every value of a format must meet."""

    def sql(check: ItemCheck, c: SqlContext) -> str:
        return f"coalesce(NOT {form.sql(c.value(check.of), c)}, FALSE)"

    def frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
        holds = form.holding(f.lookups)
        return f.each(check.of, lambda text: form.wrong(text) is not None or not holds(text)).fill_null(False)

    def message(check: ItemCheck, value: str | None) -> Said:
        if value is None:
            return sentence(check, None, form.asks, ("", ""))
        text = value.strip()
        wrong = form.wrong(text) or form.unknown(text)
        return sentence(check, value, form.asks, _veiled(wrong) if check.private else wrong)

    return Rule(
        name=form.name,
        title=form.title,
        heading=form.heading,
        dimension=Dimension(form.dimension),
        asked=lambda item: item.format is not None and item.format.name == form.name,
        sql=sql,
        frame=frame,
        message=message,
    )


def _veiled(wrong: Said) -> Said:
    """What is wrong, without a date of birth or a region."""
    return re.sub("[0-9]{6,}", "…", wrong[0]), re.sub("[0-9]{6,}", "…", wrong[1])
