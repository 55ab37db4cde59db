"""A table or a query of a department's PostgreSQL, MySQL or MariaDB: everything, what is newer, or what changed.

Every value comes as the text that the source makes of it; the contract's own casts judge it, as they do for files
(docs/decisions/0039).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from channels import dialects
from channels.base import Channel, ChannelFailed, Glimpse, PasswordSettings, listed, shown
from channels.dialects import Column, Limits, Line, Session
from channels.given import Comparison, Given, Twice
from channels.ports import Arrival, Landing, Received
from contracts.clock import now

OVERLAPS = {"time": Decimal(3600), "number": Decimal(1000)}
"""By how much a cursor looks behind its mark: an hour, or a thousand numbers. Who commits later than that is found by the
comparison (dlt#2269, airbyte#14732)."""
ROWS_AT_ONCE, BYTES_AT_ONCE = 1000, 4 << 20
"""Rows that are compared, and measured against the limits, together."""


def _address(url: str) -> str:
    dialects.address(url)
    return url


class DatabaseSettings(PasswordSettings):
    """Where the database is, what is read of it, and how what was given before is told from what is new.

    `mode`: `full` gives everything whenever anything changed; `cursor` rows whose `cursor_column` is newer than the last
    pull's, less `overlap` (seconds of a time, or a number), and every `compare_every` days what `changes` gives; `changes`
    reads everything and gives rows that are new or changed. Both know rows by `key_columns`.
    """

    url: Annotated[str, AfterValidator(_address)]
    table: str = ""
    query: str = Field(default="", validate_default=True)
    mode: Literal["full", "cursor", "changes"] = "full"
    cursor_column: str = Field(default="", validate_default=True)
    key_columns: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(default=(), validate_default=True)
    overlap: float | None = Field(default=None, ge=0)
    compare_every: float = Field(default=1, ge=0)
    ca_file: str = ""
    connect_seconds: float = Field(default=10, gt=0)
    fetch_seconds: float = Field(default=600, gt=0)
    fetch_rows: int = Field(default=50_000_000, gt=0)
    fetch_bytes: int = Field(default=20 * 2**30, gt=0)

    @field_validator("query")
    @classmethod
    def _one_of_both(cls, query: str, others: ValidationInfo) -> str:
        if bool(query.strip()) == bool(others.data.get("table")):
            raise ValueError("table 与 query 应填且只填其一 / is given where table is not, and only there")
        if query.strip() and "url" in others.data:
            dialects.require_select(query, dialects.address(others.data["url"]).dialect)
        return query

    @field_validator("cursor_column")
    @classmethod
    def _of_a_cursor(cls, column: str, others: ValidationInfo) -> str:
        if "mode" in others.data and (others.data["mode"] == "cursor") != bool(column):
            raise ValueError("mode 为 cursor 时必填，其他方式不填 / is for the mode cursor, and needed there")
        return column

    @field_validator("key_columns")
    @classmethod
    def _of_what_changes(cls, columns: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if "mode" in others.data and (others.data["mode"] == "full") == bool(columns):
            raise ValueError("mode 为 cursor 或 changes 时必填，否则不填 / is for cursor and changes, and needed there")
        return columns

    def origin(self) -> tuple[str, str]:
        """The server, and the table where one is read."""
        where = dialects.address(self.url)
        scheme = "postgres" if where.dialect == "postgresql" else where.dialect  # as OpenLineage calls it
        return f"{scheme}://{where.host}:{where.port}", f"{where.database}.{self.table}" if self.table else ""

    def asked(self) -> str:
        """Digest of what decides which rows are asked for, and what they are known by."""
        what = [str(dialects.address(self.url)), self.table, self.query, self.cursor_column, self.key_columns]
        return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Pull:
    """What one pull gave, whole in its file and not yet acknowledged: whoever was killed gives the same again."""

    mark: str
    rows: int
    remember: Mapping[str, Any]
    note: tuple[str, str] = ("", "")
    """What a delivery cannot carry: rows that are gone at the source."""


class DatabaseChannel(Channel[DatabaseSettings]):
    """Rows of a table or query, as one NDJSON file of texts."""

    kind = "database"
    title = ("数据库", "Database")
    settings_model = DatabaseSettings
    says_what_is_true_now = True

    @property
    def seconds(self) -> float:
        """As its settings say."""
        return self.settings.fetch_seconds

    @property
    def file(self) -> Path:
        """Rows of the pull, a line each."""
        return self.source.folder / "rows.ndjson"

    @property
    def state(self) -> Path:
        """The pull, once its file is whole."""
        return self.source.folder / "pull.json"

    def peek(self, limit: int) -> Glimpse:
        """The first rows as they would come."""
        with self._connected() as session:
            relation = self._relation(session)
            columns = self._columns(session, relation)
            with closing(session.rows(f"{dialects.selected(columns, relation)} LIMIT {limit + 1}")) as rows:
                entries = [shown(dict(zip((one.name for one in columns), row, strict=True))) for row in rows]
        return Glimpse(tuple(entries[:limit]), len(entries) > limit)

    def collect(self, landing: Landing) -> None:
        """What is new since the last pull. One that was not acknowledged comes again as it was."""
        if self.settings.mode != "full" and self.source.takes_whole():
            raise ChannelFailed(
                f"合同规定每次交付为全量，而通道 mode 为 {self.settings.mode}，会使其余各行被删除；请将 mode 设为 full。",
                f"The contract takes each delivery for the whole table, and the channel's mode is {self.settings.mode}: all "
                "other rows would be removed. Set the mode to full.",
            )
        self.source.folder.mkdir(parents=True, exist_ok=True)
        before = self.source.memory.read().get("pull") or {}
        pull = self._kept(before) or self._pulled(before)
        if not (pull.rows or any(pull.note)):
            self.source.memory.write({"pull": pull.remember})
            self._settle()
            return
        remember = {"pull": pull.remember}
        if pull.rows:
            name = re.sub(r"[^\w.-]+", "_", self.settings.table)[:60] or "query"
            arrival = Arrival(
                self.file,
                f"{name}-{now():%Y%m%dT%H%M%SZ}.ndjson",
                pull.mark,
                remember,
                organization_id=self.source.organization_id,
            )
            if landing.receive(arrival) is None:
                return
            remember = {}
        if any(pull.note):
            landing.receive(Arrival(lambda: (), "", f"{pull.mark}|note", remember, note=pull.note))

    def acknowledge(self, received: Sequence[Received]) -> None:
        """The pull is over: the next one begins where it ended, its file goes."""
        super().acknowledge(received)
        if any(one.arrival.remember for one in received):
            self._settle()

    def _settle(self) -> None:
        if self.settings.mode != "full":
            self._given(self.source.memory.read().get("pull") or {}).settle()
        self.state.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)

    def _given(self, before: Mapping[str, Any]) -> Given:
        return Given(self.source.folder / "given.sqlite", int(before.get("number", 0)))

    def _kept(self, before: Mapping[str, Any]) -> Pull | None:
        """The pull that was whole and is not known to be received; None where there is none, or other rows are asked for."""
        try:
            kept = Pull(**json.loads(self.state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        following = kept.remember.get("number") == before.get("number", 0) + 1
        return kept if following and kept.remember.get("asked") == self.settings.asked() and self.file.exists() else None

    def _pulled(self, before: Mapping[str, Any]) -> Pull:
        """Read from the source to the file, and keep what came."""
        self.state.unlink(missing_ok=True)
        asked = self.settings.asked()
        given, trusted = self._given(before), before.get("asked") == asked
        if self.settings.mode != "full":
            trusted = given.there(anew=not trusted) and trusted
        last = before if trusted else {}
        try:
            with self._connected() as session:
                pull = self._read(session, last, int(before.get("number", 0)), given)
        except BaseException:
            self.file.unlink(missing_ok=True)
            raise
        with self.state.with_suffix(".part").open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(pull)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.state.with_suffix(".part"), self.state)
        return pull

    def _read(self, session: Session, last: Mapping[str, Any], number: int, given: Given) -> Pull:
        settings, relation, began = self.settings, self._relation(session), now()
        columns = self._columns(session, relation)
        where, cursor = self._newer(session, columns, relation, last) if settings.mode == "cursor" else ("", "")
        window = settings.mode == "cursor" and not settings.compare_every
        with nullcontext() if settings.mode == "full" else given.comparing(window=window) as comparison:
            with closing(session.lines(columns, relation, where, settings.key_columns)) as lines:
                rows, digest = self._written(lines, comparison)
            note = self._gone(*comparison.gone()) if comparison and not where and not window else ("", "")
        if settings.mode == "full":
            same = digest == last.get("digest")
            note = self._emptied() if last and not rows and not same else note
            rows = 0 if same else rows
        remember = {
            "number": number + 1,
            "asked": settings.asked(),
            "digest": digest,
            "cursor": cursor,
            "compared": str(last.get("compared", "")) if where else began.isoformat(),
        }
        return Pull(f"{settings.asked()}|{number + 1}|{rows}|{digest}", rows, remember, note)

    def _newer(self, session: Session, columns: Sequence[Column], relation: str, last: Mapping[str, Any]) -> tuple[str, str]:
        """Which rows a cursor reads, all where a comparison is due; and where the next one begins."""
        (column,) = (one for one in columns if one.name == self.settings.cursor_column)
        if column.kind == "other":
            raise ChannelFailed(
                f"游标列 {column.name} 既不是数字也不是时间，不能判断先后；请另选一列，或在 query 中转换其类型。",
                f"The cursor's column {column.name} is neither number nor time and has no order; "
                "take another, or cast it in a query.",
            )
        mark, every = str(last.get("cursor", "")), self.settings.compare_every
        greatest = dialects.first(session, f"SELECT {session.newest(column)} FROM {relation}") or ""  # noqa: S608
        overlap = OVERLAPS[column.kind] if self.settings.overlap is None else Decimal(str(self.settings.overlap))
        since = _less(column, mark, overlap)
        compared = str(last.get("compared", ""))
        due = every and (not compared or now() - datetime.fromisoformat(compared) >= timedelta(days=every))
        where = f" WHERE {session.since(column, since)}" if since and not due else ""
        return where, greatest if _less(column, greatest, Decimal(0)) else mark

    def _written(self, lines: Iterable[Line], comparison: Comparison | None) -> tuple[int, str]:
        """Rows to the file, those that are new; how many, and a digest of them that no order changes."""
        settings, until = self.settings, time.monotonic() + self._limits().seconds
        read = rows = size = total = 0
        with self.file.open("wb", buffering=1 << 20) as file:
            for some in _together(lines):
                hashed = [hashlib.blake2b(line, digest_size=16).digest() for _, line in some]
                news = self._news(comparison, [(key, digest) for (key, _), digest in zip(some, hashed, strict=True)])
                for (_, line), digest, new in zip(some, hashed, news, strict=True):
                    if new:
                        file.write(line)
                        rows, size, total = rows + 1, size + len(line), total + int.from_bytes(digest)
                read += len(some)
                if read > settings.fetch_rows or size > settings.fetch_bytes or time.monotonic() > until:
                    raise self._too_much(read, size)
            file.flush()
            os.fsync(file.fileno())
        return rows, f"{total % (1 << 128):032x}"

    def _news(self, comparison: Comparison | None, rows: Sequence[tuple[str, bytes]]) -> Sequence[bool]:
        if comparison is None:
            return [True] * len(rows)
        try:
            return comparison.news(rows)
        except Twice as twice:
            listed = ", ".join(self.settings.key_columns)
            raise ChannelFailed(
                f"来源中有多行的 {listed} 同为 {twice}，不能据此认定一行；请在 key_columns 中补足列。",
                f"Several rows have the same {listed}: {twice}, which tells none apart. Name more columns in key_columns.",
            ) from None

    def _gone(self, number: int, keys: Sequence[str]) -> tuple[str, str]:
        if not number:
            return "", ""
        names, listed, more = ", ".join(self.settings.key_columns), ", ".join(keys), " …" if number > len(keys) else ""
        return (
            f"来源中有 {number:,} 行已被删除，平台保留这些行（{names} = {listed}{more}）；"
            "应随来源删除的，请用全量交付的合同和 mode full。",
            f"{number:,} rows are gone at the source and stay in the hub ({names} = {listed}{more}); "
            "where they should go too, take a contract of full deliveries and the mode full.",
        )

    def _emptied(self) -> tuple[str, str]:
        what = self.settings.table or "query"
        return (
            f"来源 {what} 已变为空表，未收取；请与对方核对。",
            f"{what} has become empty at the source; nothing was taken. Look at it with the provider.",
        )

    def _too_much(self, rows: int, size: int) -> ChannelFailed:
        return ChannelFailed(
            f"读取 {rows:,} 行、{size:,} 字节后超过通道的限度，未收取；"
            "请把 query 收窄，或调整 fetch_rows、fetch_bytes、fetch_seconds。",
            f"After {rows:,} rows and {size:,} bytes a limit of the channel was passed; nothing was taken. "
            "Narrow the query, or change fetch_rows, fetch_bytes or fetch_seconds.",
        )

    def _limits(self) -> Limits:
        return Limits(self.settings.connect_seconds, min(self.settings.fetch_seconds, self.source.seconds))

    @contextmanager
    def _connected(self) -> Iterator[Session]:
        where, password = dialects.address(self.settings.url), self.settings.password(self.source.home)
        ca_file = str(self.source.home / self.settings.ca_file) if self.settings.ca_file else ""
        passfile = str(self.source.folder / "no-passfile")
        with dialects.connected(where, password, self._limits(), ca_file=ca_file, passfile=passfile) as session:
            yield session

    def _relation(self, session: Session) -> str:
        return session.relation(self.settings.table, self.settings.query)

    def _columns(self, session: Session, relation: str) -> list[Column]:
        """Columns of what is read; those that the settings name are there, none has another's name."""
        columns = session.columns(relation)
        names = [column.name for column in columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ChannelFailed(
                f"查询结果有重名的列：{'、'.join(twice)}；请用 AS 另起名称。",
                f"Columns of the query have the same name: {', '.join(twice)}; name them apart with AS.",
            )
        for field in ("cursor_column", "key_columns"):
            named = getattr(self.settings, field)
            for name in [named] if isinstance(named, str) else named:
                if name and name not in names:
                    raise ChannelFailed(
                        f"{field} 所指的列 {name} 不存在；有：{'、'.join(names)}。",
                        f"There is no column {name}, which {field} names; there are: {', '.join(names)}.",
                    )
        return columns


def _together(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Some rows at a time, as many as are no burden."""
    some, size = list[Line](), 0
    for line in lines:
        some.append(line)
        size += len(line[1])
        if len(some) == ROWS_AT_ONCE or size > BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _less(column: Column, mark: str, overlap: Decimal) -> str:
    """A mark less the overlap; "" where it is none to reckon from: nothing yet, infinity, a date that no calendar has."""
    try:
        if column.kind == "number":
            number = Decimal(mark) - overlap
            if not number.is_finite():
                return ""
            return f"{number.to_integral_value(ROUND_FLOOR) if column.type == 'bigint' else number:f}"
        return str(datetime.fromisoformat(mark) - timedelta(seconds=float(overlap)))
    except (InvalidOperation, ValueError, OverflowError):
        return ""
