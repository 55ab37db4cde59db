"""The stage: a delivery's rows, typed and checked, as one Parquet file that the lake can take over as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from contracts.checks import code_lists
from contracts.checks.compile import Check, Scope, compile
from contracts.checks.duckdb import predicates
from contracts.model import Contract
from contracts.sql import identifier, literal
from warehouse.readers.column_match import REASONS, Match, match
from warehouse.readers.pieces import fed
from warehouse.readers.source import Piece, Source
from warehouse.settings import Settings
from warehouse.storage.connection import count, data_path

ESCAPED = r"^'([=+\-@\t\r\n＝＋－＠])"
"""What a quarantine export does to a cell that a spreadsheet would run as a formula (warehouse.ingest.quarantine)."""

BETWEEN = "\x1f"
"""Between the codes of a list that is one text."""
WRITTEN = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 1000"
"""How a stage is written. Of 2.5 M rows × 14 (2026-11-27): 0.83 s, 81 MB, read again in 0.19 s; by default 1.07 s, 116 MB and
0.29 s, for it tries to make a dictionary of every column and gives up late."""


@dataclass(slots=True)
class Stage:
    """Rows of a delivery after the checks of single rows.

    Columns: the items, _batch, _row, `masks` (bit n of all of them together: `checks[n]` is broken) and _record, the row
    as received, JSON by header, of rows with a fault. Later checks put rows into the temporary tables `bad` (_row, fault)
    and `repeated` (_row).
    """

    contract: Contract
    batch: str
    paths: tuple[Path, ...]
    """One file, or as many as the source has pieces, in the order of the rows."""
    source: Source
    match: Match
    checks: tuple[Check, ...]
    """The checks of single rows first, in the order of the masks' bits."""
    masks: tuple[str, ...]
    rows: int = 0
    """Rows that could be parsed."""
    misnumbered: bool = False
    """A piece of the source had not the rows that the numbers of the next one's count on."""
    faulty: int = 0
    bad: int = 0
    repeats: int = 0
    received: Callable[[duckdb.DuckDBPyConnection, str], AbstractContextManager[str]] | None = None
    """Rows as received, by SQL that gives their numbers (_row): SQL after FROM, of _row and record, as long as the context
    lasts. The bytes themselves are not for this process."""
    adopted: set[Path] = field(default_factory=set)
    """Files that became files of the lake: the stage's own, and its link for the resource."""
    notes: list[tuple[str, str | None, str, str]] = field(default_factory=list)
    """What was read otherwise than the contract says: kind, item, and what is told of it in Chinese and English."""
    committing: bool = False
    """From here on adopted files may belong to a snapshot, whatever error comes."""

    @property
    def relation(self) -> str:
        """SQL after FROM: every staged row."""
        return f"read_parquet([{', '.join(map(literal, self.paths))}])"

    @property
    def clean(self) -> str:
        """SQL: the row by itself breaks nothing."""
        return " AND ".join(f"{mask} = 0" for mask in self.masks)

    @property
    def at_fault(self) -> int:
        """Parsed rows with any fault."""
        return self.faulty + self.bad

    def failing(self, rule: str, item: str) -> str:
        """SQL over `relation`: the row breaks that check of single rows; empty where there is none."""
        place = next((n for n, check in enumerate(self.checks) if (check.rule, check.item) == (rule, item)), None)
        return "" if place is None else f"({self.masks[place // 62]} >> {place % 62}) & 1 = 1"

    def tidy(self) -> None:
        """Remove what is no part of the lake. A file left behind by mistake goes with the next clean-up of orphans."""
        kept = self.adopted if self.committing else set()
        for path in {*self.paths, *self.adopted, *self.source.scratch} - kept:
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what was written; the source stays for another try."""
        for path in self.paths:
            path.unlink(missing_ok=True)

    def good(self) -> str:
        """SQL after FROM: rows without fault that are no repeats."""
        return self._without(self.bad, self.repeats)

    def accepted(self) -> str:
        """SQL after FROM: rows without fault."""
        return self._without(self.bad, 0)

    def quarantine(self, connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
        """Put rows (_row, fault) of a query into `bad`; whether there were any."""
        connection.execute(f"INSERT INTO bad {sql}")
        before, self.bad = self.bad, count(connection, "SELECT count(DISTINCT _row) FROM bad")
        return self.bad > before

    def repeat(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Put rows (_row) of a query into `repeated`."""
        connection.execute(f"INSERT INTO repeated {sql}")
        self.repeats = count(connection, "SELECT count(*) FROM repeated")

    def numbered(self, piece: Piece | None = None) -> str:
        """SQL after FROM: the source's columns, or those of a piece, as _c0, _c1 … with _row, the row's number in the file."""
        row = identifier(self.source.row) if self.source.row else f"row_number() OVER () + {piece.before if piece else 0}"
        columns = "".join(f"{_cell(self.source, name)} AS _c{n}, " for n, name in enumerate(self.source.columns))
        return f"(SELECT {columns}{row} AS _row FROM {piece.relation if piece else self.source.relation})"

    def record(self) -> str:
        """SQL over `numbered`: the row as received, JSON by header."""
        told = ", ".join(f"{literal(name)}, _c{n}" for n, name in enumerate(self.source.columns))
        return f"CAST(json_object({told}) AS VARCHAR)"

    def broken(self, masks: Sequence[int]) -> tuple[Check, ...]:
        """The checks of single rows that a row breaks, by its masks."""
        return tuple(check for n, check in enumerate(self.checks[: len(masks) * 62]) if masks[n // 62] >> (n % 62) & 1)

    def _without(self, bad: int, repeats: int) -> str:
        sql = f"SELECT * FROM {self.relation} AS p WHERE {self.clean}"
        if bad:
            sql = f"SELECT p.* FROM ({sql}) AS p ANTI JOIN bad USING (_row)"
        if repeats:
            sql = f"SELECT p.* FROM ({sql}) AS p ANTI JOIN repeated USING (_row)"
        return f"({sql})"


def folder(settings: Settings, dataset: str) -> Path:
    """Where stages of a dataset are written: the lake's own folder, so that it can take them over as they are."""
    return data_path(settings) / "raw" / dataset


def forget(settings: Settings, dataset: str, name: str) -> None:
    """Remove what a worker that died had written of the stage whose files begin with `name`."""
    for path in folder(settings, dataset).glob(f"{name}-*.parquet"):
        path.unlink(missing_ok=True)


def ordered_checks(contract: Contract) -> tuple[Check, ...]:
    """The checks of single rows first, in the order of the masks' bits, then all others."""
    return tuple(sorted(compile(contract), key=lambda check: check.scope is not Scope.ROW))


def codes_of(contract: Contract, lookups: code_lists.Codes) -> dict[str, str]:
    """The code lists that a contract's checks look up, by name, each as one text. Errors: CodeListMissing."""
    return {name: BETWEEN.join(codes) for name, codes in predicates.looked_up(contract, lookups).items()}


def open_stage(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lookups: code_lists.Codes,
    contract: Contract,
    source: Source,
    batch: str,
    name: str,
    received_at: datetime,
    codes: Mapping[str, str] | None = None,
) -> tuple[Stage, tuple[str, ...]]:
    """A stage that is not written yet, and the query that fills each of its files; `name` begins the files' names."""
    place = folder(settings, contract.dataset)
    place.mkdir(parents=True, exist_ok=True)
    paths = tuple(place / f"{name}-{n}.parquet" for n in range(len(source.pieces or (None,))))
    return unwritten(connection, lookups, contract, source, batch, received_at, paths, codes)


def unwritten(
    connection: duckdb.DuckDBPyConnection,
    lookups: code_lists.Codes,
    contract: Contract,
    source: Source,
    batch: str,
    received_at: datetime,
    paths: tuple[Path, ...] = (),
    codes: Mapping[str, str] | None = None,
) -> tuple[Stage, tuple[str, ...]]:
    """A stage and its queries, one for each piece of the source: what every check of rows runs, whoever asks for it.

    `codes` are the code lists that are looked up (`codes_of`), where the caller has them already.
    """
    matched = match(contract, source.columns)
    places = {name: n for n, name in enumerate(source.columns)}
    select = predicates.select_sql(
        contract,
        {item: f"_c{places[header]}" for item, header in matched.headers.items()},
        lookups,
        now=received_at,
        tables=_tables(connection, codes_of(contract, lookups) if codes is None else codes),
    )
    pieces: tuple[Piece | None, ...] = source.pieces or (None,)
    stage = Stage(contract, batch, paths, source, matched, ordered_checks(contract), select.mask_names)
    return stage, tuple(_query(stage, select, stage.numbered(piece)) for piece in pieces)


def write(connection: duckdb.DuckDBPyConnection, stage: Stage, queries: tuple[str, ...]) -> None:
    """Fill the stage: one pass over the source, in its order; its pieces side by side."""
    copies = [f"COPY ({query}) TO {literal(path)} ({WRITTEN})" for query, path in zip(queries, stage.paths, strict=True)]
    with _numbering(connection, stage):
        if len(copies) == 1:
            told = [count(connection, copies[0])]
        else:
            with ExitStack() as held, ThreadPoolExecutor(len(copies)) as pool:
                cursors = [held.enter_context(_beside(connection)) for _ in copies]
                told = list(pool.map(_piece, stage.source.pieces, cursors, copies))
    stage.rows = sum(told)
    stage.misnumbered = bool(stage.source.pieces) and told != [piece.lines for piece in stage.source.pieces]
    stage.faulty = count(connection, f"SELECT count(*) FROM {stage.relation} WHERE NOT ({stage.clean})")


def _piece(piece: Piece, connection: duckdb.DuckDBPyConnection, copy: str) -> int:
    with fed(piece) as path:
        return count(connection, copy.replace(piece.name, path))


@contextmanager
def _numbering(connection: duckdb.DuckDBPyConnection, stage: Stage) -> Iterator[None]:
    """A relation's rows are numbered by one thread, its caller's; DuckDB's own would only spin beside it (2 M rows: 9.5 s of
    CPU with two, 4.3 s with one)."""
    if stage.source.row:
        yield
        return
    with one_thread(connection):
        yield


@contextmanager
def one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within it DuckDB works in its caller's thread alone, all connections to the same database do."""
    before = count(connection, "SELECT current_setting('threads')")
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {before}")


@contextmanager
def _beside(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Another connection to the same database, with the same time zone."""
    zone = connection.execute("SELECT current_setting('TimeZone')").fetchone()
    with connection.cursor() as cursor:
        cursor.execute(f"SET TimeZone = {literal(zone[0] if zone else 'UTC')}")
        yield cursor


def begin(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Nothing found by later checks yet."""
    connection.execute("CREATE OR REPLACE TEMP TABLE bad (_row BIGINT, fault INTEGER)")
    connection.execute("CREATE OR REPLACE TEMP TABLE repeated (_row BIGINT)")
    stage.bad = stage.repeats = 0


def _query(stage: Stage, made: predicates.CheckSelect, numbered: str) -> str:
    items = ", ".join(identifier(name) for name, _ in made.typed)
    cells = "".join(f"_c{n}, " for n in range(len(stage.source.columns)))
    cast = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in (*made.typed, *made.raw))
    masks = ", ".join(f"{sql} AS {name}" for sql, name in zip(made.masks, made.mask_names, strict=True))
    return (
        f"SELECT {items}, {literal(stage.batch)} AS _batch, _row, {', '.join(made.mask_names)}, "
        f"CASE WHEN NOT ({stage.clean}) THEN {stage.record()} END AS _record "
        f"FROM (SELECT {items}, {cells}_row, {masks} FROM (SELECT {cast}, {cells}_row FROM {numbered}))"
    )


def _tables(connection: duckdb.DuckDBPyConnection, codes: Mapping[str, str]) -> dict[str, str]:
    """Code lists as tables: in SQL 48,000 divisions take 50 ms to parse, as an ENUM another 25 ms for each use."""
    tables = {}
    for n, (name, joined) in enumerate(codes.items()):
        tables[name] = f"codes_{n}"
        query = f"SELECT code FROM (SELECT unnest(string_split(?, '{BETWEEN}')) AS code) WHERE code != ''"
        connection.execute(f"CREATE OR REPLACE TABLE {tables[name]} AS {query}", [joined])
    return tables


def _cell(source: Source, name: str) -> str:
    """A cell as received; in a mended quarantine export the sign that kept a spreadsheet from running it is taken off."""
    if REASONS not in source.columns:
        return identifier(name)
    return f"regexp_replace({identifier(name)}, {literal(ESCAPED)}, '\\1')"
