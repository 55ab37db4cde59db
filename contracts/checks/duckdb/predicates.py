"""Checks as DuckDB SQL, for files of every size. The only door from a contract to SQL: the warehouse runs what stands here.

warehouse.ingest.stage makes one statement of it, which the tests run, too (tests/contracts/making.py): typed items, the
texts as received, and bit masks of what each row breaks.

`typed` casts each source column strictly: the text must match a pattern before it is cast, since TRY_CAST takes 12.5 for 13,
0x10 for 16 and drops zones. `faults` stand over the typed items and the raw texts (`raw`), never NULL, true where the row is
bad. Checks over several rows (key, unique), other tables (reference) and the delivery as a whole are not here: see their
`scope`. Texts are trimmed of surrounding white space (of ASCII, no-break, ideographic, zero-width); an empty text is no value.
Decisions: full-width digits are refused; leading zeros and a sign are allowed; scientific notation only for DOUBLE; a
DECIMAL is never rounded; NaN and infinity are refused; a date alone is no timestamp unless the contract's formats say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.checks import code_lists
from contracts.checks.compile import Check, Scope, compile
from contracts.checks.duckdb.casts import SPACES, cast_sql, column_type, local_sql, matches, text_sql
from contracts.checks.duckdb.context import SqlContext, moment_sql, spelled
from contracts.model import Codes, Contract
from contracts.sql import identifier

__all__ = [
    "SPACES", "CheckSelect", "cast_sql", "column_type", "local_sql", "looked_up", "matches", "moment_sql", "select_sql",
    "text_sql",
]  # fmt: skip

MASK_BITS = 62


@dataclass(frozen=True, slots=True)
class CheckSelect:
    """A contract's row checks as SQL over one source."""

    typed: tuple[tuple[str, str], ...]
    """(item, SQL over the source) in the contract's order."""
    raw: tuple[tuple[str, str], ...]
    """(alias, SQL over the source) of the texts as received, one for each item: what quarantine shows."""
    faults: tuple[tuple[Check, str], ...]
    """(check, SQL over the typed items and raw aliases): true where the row breaks the check, never NULL."""

    @property
    def masks(self) -> tuple[str, ...]:
        """Bit masks of the faults, 62 to a BIGINT; in each, check n of its share has the bit 1 << n."""
        shares = [self.faults[n : n + MASK_BITS] for n in range(0, len(self.faults), MASK_BITS)] or [()]
        return tuple(
            " | ".join(f"(({sql})::BIGINT << {n})" for n, (_, sql) in enumerate(share)) or "0::BIGINT" for share in shares
        )

    @property
    def mask_names(self) -> tuple[str, ...]:
        """Names of the mask columns: _faults, _faults_1 …"""
        return tuple("_faults" if n == 0 else f"_faults_{n}" for n in range(len(self.masks)))


def select_sql(
    contract: Contract,
    columns: Mapping[str, str],
    lookups: Codes,
    *,
    now: datetime,
    tables: Mapping[str, str] | None = None,
) -> CheckSelect:
    """The row checks of a contract over a source.

    `columns` gives the SQL of each item's source column (text); an item that is not in it has no value. `tables` names
    those that the caller made of code lists (see `looked_up`), so that their values do not stand in the SQL.
    """
    typed = tuple((item.name, cast_sql(item, columns.get(item.name, "NULL::VARCHAR"))) for item in contract.items)
    raw = tuple((f"_raw_{n}", columns.get(item.name, "NULL::VARCHAR")) for n, item in enumerate(contract.items))
    alias = {item.name: identifier(f"_raw_{n}") for n, item in enumerate(contract.items)}
    context = SqlContext(lookups, contract=contract, now=now, tables=tables or {}, raw=alias)
    rows = [check for check in compile(contract) if check.scope is Scope.ROW]
    return CheckSelect(typed, raw, tuple((check, _fault(check, context)) for check in rows))


def _fault(check: Check, context: SqlContext) -> str:
    assert check.record.sql is not None  # noqa: S101 - a rule that one row decides has its SQL (tests/contracts/checks)
    sql: str = check.record.sql(check, context)
    return sql


def looked_up(contract: Contract, lookups: Codes) -> dict[str, frozenset[str]]:
    """The code lists that a contract's checks look up, by name, in every way of writing them. Errors: CodeListMissing."""
    return {name: spelled(name, lookups) for name in sorted(code_lists.needed(contract))}
