"""A department's database, open for one pull: read only, one snapshot, every value as the text that the source makes of it.

PostgreSQL sends its rows by COPY, MySQL and MariaDB by an unbuffered cursor: neither is ever whole in memory.
"""

from __future__ import annotations

import json
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from channels.base import ChannelFailed

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
TLS = ("disable", "prefer", "require", "verify-full")
"""What `sslmode` may say: `verify-full` takes no server whose certificate is not its own."""
LONGEST_REASON = 300
SILENCE = 30
"""Seconds after which a dead network ends a connection whose server says nothing."""
Row = Sequence[str | None]
Line = tuple[str, bytes]

_WORDS = {
    "account": ("账号、口令或数据库不被接受", "the account, its password or the database is not accepted",
                "请核对 url 中的用户名与数据库，以及 password_env 或 password_file 所指的口令",
                "check the user and the database in url, and the password that password_env or password_file names"),
    "away": ("连接不上", "it cannot be reached",
             "请核对 url 中的主机与端口，并请对方检查服务和网络",
             "check host and port in url, and have the provider look at server and network"),
    "tls": ("加密连接不成立", "the encrypted connection is not made",
            "请核对 url 的 sslmode 与 ca_file", "check sslmode in url, and ca_file"),
    "table": ("没有这张表", "there is no such table",
              "请与对方核对表名（可写成 模式.表）", "check the table's name with the provider (schema.table where it has one)"),
    "column": ("没有这一列", "there is no such column", "请与对方核对列名", "check the column's name with the provider"),
    "rights": ("账号无权读取", "the account may not read it",
               "请对方给该账号授予 SELECT 权限", "have the provider grant it SELECT"),
    "time": ("未在时限内完成", "it did not end in time",
             "请把 query 收窄、为游标列建索引，或调整 fetch_seconds",
             "narrow the query, index the cursor's column, or change fetch_seconds"),
    "cut": ("连接在途中断开", "the connection broke off",
            "本次没有收取，下次从头再读；若一再发生，请对方检查",
            "nothing was taken, the next run reads anew; if it goes on, have the provider look"),
    "writes": ("查询会写入数据，只读连接不执行", "the query would write, and the connection is read only",
               "请改用只读的 SELECT", "use a SELECT that only reads"),
    "encoding": ("有的文字不是 UTF-8", "it holds text that is not UTF-8",
                 "请在 query 中转换该列的编码", "convert that column's encoding in a query"),
    "other": ("读取出错", "it cannot be read", "请与对方核对 table 或 query", "check table or query with the provider"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, as `url` names it."""

    dialect: str
    user: str
    host: str
    port: int
    database: str
    tls: str

    def __str__(self) -> str:
        return f"{self.dialect}://{self.host}:{self.port}/{self.database}"


def address(url: str) -> Address:
    """The parts of an address. ValueError, in both languages, where it is none."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in SCHEMES and parts.hostname and parts.username and parts.path.strip("/")
    except ValueError:
        whole = False
    if not whole or not unquote(url).isprintable():
        raise ValueError(
            "应形如 postgresql://用户@主机:端口/库，或 mysql:// / must be like postgresql://user@host:port/db, or mysql://"
        )
    if parts.password is not None:
        raise ValueError(
            "不得含口令，请用 password_env 或 password_file / must hold no password: see password_env, password_file"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("sslmode", "prefer")
    if options or tls not in TLS:
        said = ", ".join(TLS)
        raise ValueError(f"问号之后只能有 sslmode，其值为 {said} 之一 / may have sslmode alone after the ?, one of {said}")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("端口应为 1 至 65535 的数字 / has no port from 1 to 65535") from None
    dialect = SCHEMES[parts.scheme]
    return Address(
        dialect,
        unquote(parts.username or ""),
        parts.hostname or "",
        port or (5432 if dialect == "postgresql" else 3306),
        unquote(parts.path.lstrip("/")),
        tls,
    )


def require_select(query: str, dialect: str) -> None:
    """Refuse whatever is not one SELECT. ValueError, in both languages."""
    import sqlglot  # here, for the start: tests/cli/test_start.py
    from sqlglot import exp

    said = "应为一条 SELECT 语句 / must be one SELECT"
    if re.search(r"/\*M?!", query):  # MySQL runs what stands in these comments, a parser passes over it
        raise ValueError(said)
    try:
        statements = sqlglot.parse(query, read="postgres" if dialect == "postgresql" else dialect)
    except sqlglot.errors.SqlglotError:
        raise ValueError(said) from None
    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Lock)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or statements[0].find(*writing):
        raise ValueError(said)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of what is read; `text` is the SQL that makes text of it, `kind` what it counts as: number, time or other."""

    name: str
    text: str
    kind: str = "other"
    type: str = ""
    """Of a number or a time, its name in SQL."""


@dataclass(frozen=True)
class Limits:
    """How long connecting and the whole reading may take."""

    connect: float
    seconds: float


class Session(ABC):
    """One connection in one read-only transaction, whose snapshot every statement sees."""

    mark: ClassVar[str]
    """What quotes a name."""

    def __init__(self, where: Address) -> None:
        self.where = where

    def quote(self, name: str) -> str:
        """A name as an identifier."""
        return self.mark + name.replace(self.mark, self.mark * 2) + self.mark

    def relation(self, table: str, query: str) -> str:
        """What is read from: a table, of a schema where one is named, or a query."""
        if table:
            return ".".join(self.quote(part) for part in table.split("."))
        return f"({query.strip().rstrip(';')}\n) AS q"  # a line of its own: a query may end in a comment

    @abstractmethod
    def columns(self, relation: str) -> list[Column]:
        """Its columns, in their order."""

    @abstractmethod
    def rows(self, statement: str) -> Generator[Row, None, None]:
        """Rows of texts, as they come."""

    def lines(self, columns: Sequence[Column], relation: str, where: str, keys: Sequence[str]) -> Generator[Line, None, None]:
        """Rows as JSON, each with its key as a JSON array of the columns named so."""
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        names = [column.name for column in columns]
        places = [names.index(name) for name in keys]
        with closing(self.rows(selected(columns, relation) + where)) as rows:
            for row in rows:
                yield encode([row[place] for place in places]), encode(dict(zip(names, row, strict=True))).encode() + b"\n"

    @abstractmethod
    def newest(self, column: Column) -> str:
        """SQL of the greatest value, as text; of a time at most the source's own now, so that no clock that is fast hides
        what comes after it."""

    def since(self, column: Column, value: str) -> str:
        """SQL that is true of rows from that value on, it included, and of those that have none."""
        name = self.quote(column.name)
        return f"({name} >= {self.value(column, value)} OR {name} IS NULL)"

    @abstractmethod
    def value(self, column: Column, value: str) -> str:
        """A number or a time as SQL, in the column's own type, so that an index serves."""


@contextmanager
def connected(where: Address, password: str, limits: Limits, *, ca_file: str, passfile: str) -> Iterator[Session]:
    """A session, closed afterwards whatever happens. Errors: ChannelFailed, which says what to do."""
    kind = _Postgres if where.dialect == "postgresql" else _MySql
    with kind.opened(where, password, limits, ca_file=ca_file, passfile=passfile) as session:
        yield session


class _Postgres(Session):
    mark = '"'
    NUMBERS: ClassVar = {20: "bigint", 21: "bigint", 23: "bigint", 1700: "numeric", 700: "float8", 701: "float8"}
    TIMES: ClassVar = {1082: "date", 1114: "timestamp", 1184: "timestamptz"}
    BYTES = 17
    CATEGORIES: ClassVar = (
        ("28", "account"), ("3D", "account"), ("42P01", "table"), ("3F", "table"), ("42703", "column"), ("42501", "rights"),
        ("57014", "time"), ("55P03", "time"), ("25006", "writes"), ("57P", "cut"), ("08", "cut"), ("40", "cut"),
        ("22021", "encoding"), ("22P05", "encoding"),
    )  # fmt: skip

    def __init__(self, where: Address, connection: Any, local: str) -> None:
        super().__init__(where)
        self.connection, self.local = connection, local

    @classmethod
    @contextmanager
    def opened(cls, where: Address, password: str, limits: Limits, *, ca_file: str, passfile: str) -> Iterator[Session]:
        import psycopg

        try:
            connection = psycopg.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                dbname=where.database,
                password=password,  # "" too: nothing of the process's own environment is sent to a stranger
                passfile=passfile,
                connect_timeout=max(2, round(limits.connect)),
                sslmode=where.tls,
                sslrootcert=ca_file or ("system" if where.tls == "verify-full" else ""),
                gssencmode="disable",
                application_name="hui",
                keepalives_idle=SILENCE,
                tcp_user_timeout=SILENCE * 1000,
                prepare_threshold=None,
            )
        except (psycopg.Error, UnicodeError) as error:
            raise _failed(where, _at_the_door(str(error)), str(error), password) from error
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            (local,) = connection.execute("SELECT to_char(localtimestamp, 'YYYY-MM-DD HH24:MI:SS.US')").fetchone() or ("",)
            for setting, value in (
                ("statement_timeout", str(max(1, int(limits.seconds * 1000)))),
                ("lock_timeout", f"{SILENCE}s"),
                ("timezone", "UTC"),
                ("datestyle", "ISO, YMD"),
                ("intervalstyle", "iso_8601"),
                ("extra_float_digits", "3"),
                ("client_encoding", "UTF8"),
            ):
                connection.execute("SELECT set_config(%s, %s, true)", [setting, value])
            yield cls(where, connection, local)
        except psycopg.Error as error:
            state = error.sqlstate or "08"
            category = next((word for code, word in cls.CATEGORIES if state.startswith(code)), "other")
            raise _failed(where, category, f"{error.sqlstate or ''} {error}", password) from error
        finally:
            connection.close()

    def columns(self, relation: str) -> list[Column]:
        described = self.connection.execute(f"SELECT * FROM {relation} LIMIT 0").description  # noqa: S608 - names are quoted
        return [self._column(one.name, one.type_code) for one in described]

    def _column(self, name: str, oid: int) -> Column:
        quoted = self.quote(name)
        text = f"encode({quoted}, 'hex')" if oid == self.BYTES else f"CAST({quoted} AS text)"
        if oid in self.NUMBERS:
            return Column(name, text, "number", self.NUMBERS[oid])
        return Column(name, text, *(("time", self.TIMES[oid]) if oid in self.TIMES else ()))

    def rows(self, statement: str) -> Generator[Row, None, None]:
        with self.connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
            yield from copy.rows()

    def lines(self, columns: Sequence[Column], relation: str, where: str, keys: Sequence[str]) -> Generator[Line, None, None]:
        """Made to JSON at the source: a quarter of what it costs here."""
        named = selected([replace(one, text=f"{one.text} AS {self.quote(one.name)}") for one in columns], relation)
        key = f"json_build_array({', '.join(f'r.{self.quote(name)}' for name in keys)})::text"
        statement = f"SELECT {key}, row_to_json(r)::text FROM ({named}{where}) AS r"  # noqa: S608 - names are quoted
        with self.connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
            for data in copy:  # one row each; of what COPY escapes JSON has the backslash alone
                known, _, line = bytes(data).replace(rb"\\", b"\\").partition(b"\t")
                yield known.decode(), line

    def newest(self, column: Column) -> str:
        name = self.quote(column.name)
        if column.kind == "number":  # NaN is greater than any number
            sane = "" if column.type == "bigint" else f" FILTER (WHERE {name} <> 'NaN')"
            return f"CAST(max({name}){sane} AS text)"
        local = f"CAST('{self.local}' AS timestamp)"
        now = {"timestamptz": "now()", "timestamp": local, "date": f"CAST({local} AS date)"}[column.type]
        return f"CAST(least(max({name}), {now}) AS text)"

    def value(self, column: Column, value: str) -> str:
        kind = "timestamp" if column.type == "date" else column.type
        return f"CAST('{value}' AS {kind})"


class _MySql(Session):
    mark = "`"
    NUMBERS: ClassVar = {0, 1, 2, 3, 4, 5, 8, 9, 13, 246}
    TIMES: ClassVar = {7: "timestamp", 10: "date", 12: "datetime"}
    BIT, GEOMETRY, TEXTS, BINARY = 16, 255, {15, 249, 250, 251, 252, 253, 254}, 63
    CATEGORIES: ClassVar = {
        1044: "account", 1045: "account", 1049: "account", 1698: "account", 1146: "table", 1054: "column", 1142: "rights",
        1143: "rights", 1227: "rights", 1969: "time", 3024: "time", 1317: "time", 1792: "writes", 2003: "away", 2005: "away",
        2026: "tls", 2006: "cut", 2013: "cut", 2014: "cut", 1927: "cut", 1053: "cut", 1040: "away", 1205: "time",
    }  # fmt: skip

    def __init__(self, where: Address, connection: Any, local: str) -> None:
        super().__init__(where)
        self.connection, self.local = connection, local

    @classmethod
    @contextmanager
    def opened(cls, where: Address, password: str, limits: Limits, *, ca_file: str, passfile: str) -> Iterator[Session]:
        import pymysql  # type: ignore[import-untyped]
        from pymysql.cursors import SSCursor  # type: ignore[import-untyped]

        try:
            connection = pymysql.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                password=password.encode(),
                database=where.database,
                charset="utf8mb4",
                connect_timeout=limits.connect,
                read_timeout=max(1.0, min(limits.seconds, 86_400)),
                write_timeout=SILENCE,
                cursorclass=SSCursor,
                conv=dict(pymysql.converters.encoders),  # no decoder: whatever comes is text already
                ssl=_context(where.tls, ca_file),
                ssl_disabled=where.tls == "disable",
                program_name="hui",
            )
        except (pymysql.err.Error, OSError, UnicodeError, RuntimeError) as error:
            secure = isinstance(getattr(error, "original_exception", error), ssl.SSLError)
            category = "tls" if secure else cls.CATEGORIES.get(_code(error), "away")
            raise _failed(where, category, str(error), password) from error
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT CAST(LOCALTIMESTAMP AS CHAR)")
                ((local,),) = cursor.fetchall()
                seconds = max(0.001, min(limits.seconds, 86_400))
                # Each server reads its own comment: MySQL from 5.7.8, MariaDB from 10.1.1; older ones know no limit.
                mysql, maria = f"max_execution_time={int(seconds * 1000)}", f"max_statement_time={seconds}"
                cursor.execute(f"SET @hui = 0 /*!50708 , {mysql} */ /*M!100101 , {maria} */")
                cursor.execute("SET time_zone='+00:00'")
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield cls(where, connection, local)
        except pymysql.err.Error as error:
            raise _failed(where, cls.CATEGORIES.get(_code(error), "other"), str(error), password) from error
        except UnicodeDecodeError as error:
            raise _failed(where, "encoding", error.reason, password) from error
        finally:
            _hang_up(connection)

    def columns(self, relation: str) -> list[Column]:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {relation} LIMIT 0")  # noqa: S608 - names are quoted
            cursor.fetchall()
            # The character set tells BLOB from TEXT, and DB-API's description has none.
            return [self._column(one.name, one.type_code, one.charsetnr) for one in cursor._result.fields]

    def _column(self, name: str, code: int, charset: int) -> Column:
        quoted = self.quote(name)
        text = f"CAST({quoted} AS CHAR)"
        if code in self.TEXTS and charset == self.BINARY:
            text = f"LOWER(HEX({quoted}))"
        elif code == self.BIT:
            text = f"CAST({quoted} + 0 AS CHAR)"
        elif code == self.GEOMETRY:
            text = f"CAST(ST_AsText({quoted}) AS CHAR)"
        elif self.TIMES.get(code) == "timestamp":  # an instant, unlike a datetime; one of zeros is none
            text = f"IF({text} LIKE '0000-%', {text}, CONCAT({text}, '+00:00'))"
        if code in self.NUMBERS:
            return Column(name, text, "number", "number")
        return Column(name, text, *(("time", self.TIMES[code]) if code in self.TIMES else ()))

    def rows(self, statement: str) -> Generator[Row, None, None]:
        cursor, whole = self.connection.cursor(), False
        try:
            cursor.execute(statement)
            while (row := cursor.fetchone()) is not None:
                yield row
            whole = True
        finally:
            if not whole:
                _hang_up(self.connection)
            cursor.close()

    def newest(self, column: Column) -> str:
        name = self.quote(column.name)
        if column.kind == "number":
            return f"CAST(MAX({name}) AS CHAR)"
        now = {"timestamp": "UTC_TIMESTAMP(6)", "datetime": f"'{self.local}'", "date": f"'{self.local[:10]}'"}[column.type]
        return f"CAST(LEAST(MAX({name}), {now}) AS CHAR)"

    def value(self, column: Column, value: str) -> str:
        return f"'{value}'" if column.kind == "time" else value


def _context(tls: str, ca_file: str) -> ssl.SSLContext | None:
    """How MySQL's connection is encrypted; None where the driver may choose."""
    if tls == "verify-full":
        return ssl.create_default_context(cafile=ca_file or None)
    if tls == "require":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    return None


def _hang_up(connection: Any) -> None:
    """End a connection without reading what still comes: an unbuffered result would be drained to its last row."""
    if connection._result is not None:
        connection._result.unbuffered_active = False
    connection._force_close()


def _code(error: BaseException) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _at_the_door(said: str) -> str:
    """Why PostgreSQL's library did not connect: it tells no code. FATAL is the server's own word, in its own language."""
    if re.search(r"FATAL|致命错误|no password supplied", said):
        return "account"
    return "tls" if re.search(r"SSL|certificate", said) else "away"


def _failed(where: Address, category: str, reason: str, password: str) -> ChannelFailed:
    zh, en, advice, advice_en = _WORDS[category]
    told = " ".join((reason.replace(password, "***") if password else reason).split())[:LONGEST_REASON]
    return ChannelFailed(f"{where} {zh}（{told}）；{advice}。", f"{where}: {en} ({told}); {advice_en}.")


def selected(columns: Sequence[Column], relation: str) -> str:
    """The statement that reads columns as texts."""
    return f"SELECT {', '.join(column.text for column in columns)} FROM {relation}"  # noqa: S608 - names are quoted


def first(session: Session, statement: str) -> str | None:
    """The one value of a statement."""
    with closing(session.rows(statement)) as rows:
        (value,) = [row[0] for row in rows]
        return value
