"""One value under the rules of its item: by the query of a load, over a table of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.checks.code_lists import Lists
from contracts.checks.duckdb.predicates import text_sql
from contracts.model import Contract
from contracts.sql import identifier
from warehouse.ingest import stage as stages
from warehouse.onboarding import profile
from warehouse.readers.source import Source
from warehouse.serving.query_workers import in_worker
from warehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class ReadValue:
    """How a text was read: the value of the item's type, as text; None where there is none, or the text is not of the type."""

    value: str | None
    filled: bool
    """Whether the text says that there is a value."""
    broken: frozenset[str]
    """Rules that the value breaks, of those that one value decides."""


@in_worker
def read(
    settings: Settings, contract: Contract, item: str, text: str, lists: Mapping[str, Sequence[str]], *, at: datetime
) -> ReadValue:
    """What a load at that moment would make of the text. Errors: CodeListMissing."""
    alone = replace(contract, items=(replace(contract.item(item), source=()),), row_rules=(), version_by=None)
    source = Source(relation="one_value", columns=(item,), media="text")
    with profile.connection(settings) as connection:
        connection.execute(f"CREATE TEMP TABLE one_value ({identifier(item)} VARCHAR)")
        connection.execute("INSERT INTO one_value VALUES (?)", [text])
        stage, (query,) = stages.unwritten(connection, Lists(lists), alone, source, "", at)
        filled = f"({text_sql(alone.item(item), identifier(item))}) IS NOT NULL"
        masks = ", ".join(stage.masks)
        row = connection.execute(f"SELECT CAST({identifier(item)} AS VARCHAR), {masks} FROM ({query})").fetchone()
        there = connection.execute(f"SELECT {filled} FROM one_value").fetchone()
    value, *bits = row or (None, 0)
    return ReadValue(value, bool(there and there[0]), frozenset(check.rule for check in stage.broken(bits)))
