"""A real source for each kind of channel: what the conformance test puts into it, cuts off, and asks twice."""

from __future__ import annotations

import json
import os
import re
import threading
import uuid
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import psycopg
import pymysql  # type: ignore[import-untyped]
from openpyxl import load_workbook
from sqlmodel import Session

from catalog.acquisition.agreements import AgreementAgency
from catalog.entries import contracts as registry
from catalog.identity.organizations import Organization
from channels.ports import Arrival, Received
from contracts.excel import template
from hub import sources
from hub.hub import Hub
from tests.channels.s3_server import BUCKET, S3Server
from tests.channels.sftp_server import SftpServer
from tests.channels.webdav_server import WebdavServer
from tests.channels.wire import Deaf, Wire
from tests.orchestration.conftest import agree, drop, site
from tests.servers import Mosquitto

Rows = list[tuple[str, int]]
AGREEMENT, DATASET = "XY-bench", "bench"
BIG = 120 << 20
LONG_ROWS = BIG // 33_000 + 1
PIN = "SHA256:" + "A" * 43


class Bench(ABC):
    """One source, and the agreement under which it comes."""

    kind: ClassVar[str]
    route: ClassVar[str] = "request"
    bad: ClassVar[tuple[tuple[dict[str, Any], str], ...]]
    """Settings that must be refused, each with the field at fault."""
    server: ClassVar[str] = ""
    """Fixture of the server that it stands on, where it does not bring its own."""
    turned_away: ClassVar[str] = ""
    """What the source says to whom it does not know."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self.place = hub, hub.settings.root / "bench"
        self.place.mkdir(parents=True, exist_ok=True)
        with hub.session() as session:
            registry.register(session, site(DATASET, route=self.route), by="test", origin="pack")
            self.agree(session)

    def agree(self, session: Session) -> None:
        agree(session, AGREEMENT, DATASET, self.route, "hlj-water", {"kind": self.kind, **self.settings()})

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings with which it works."""

    @abstractmethod
    def put(self, name: str, rows: Rows) -> None:
        """Something new at the source."""

    @abstractmethod
    def again(self) -> None:
        """What was put last, once more, by whatever means the source has."""

    @abstractmethod
    def cut(self) -> Any:
        """Inside, what was put last comes by halves only."""

    @abstractmethod
    def put_big(self) -> int:
        """Something large; its bytes."""

    def wrong_credentials(self) -> dict[str, Any] | None:
        """Settings with which the source turns us away; None where a kind knows no credentials."""
        return None

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """The source ends."""


class FolderBench(Bench):
    kind = "folder"
    bad = (
        ({}, "path"),
        ({"path": ""}, "path"),
        ({"path": "x", "settle_seconds": -1}, "settle_seconds"),
        ({"path": "x", "settle_seconds": "soon"}, "settle_seconds"),
        ({"path": "x", "paht": "y"}, "paht"),
    )

    def settings(self) -> dict[str, Any]:
        return {"path": "bench", "settle_seconds": 0.2}

    def put(self, name: str, rows: Rows) -> None:
        self.last = drop(self.place, f"{name}.csv", *(f"{key},{amount}" for key, amount in rows))

    def again(self) -> None:
        os.utime(self.last, (1.7e9, 1.7e9))

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Still being written while it is looked at."""
        with growing(self.last):
            yield

    def put_big(self) -> int:
        with (self.place / "big.csv").open("wb") as file:
            file.truncate(BIG)
        os.utime(self.place / "big.csv", (1.7e9, 1.7e9))
        return BIG


class FilesElsewhereBench(FolderBench):
    """Files that a server gives out of the folder; it says of each bench's own how they are reached."""

    def __init__(self, hub: Hub) -> None:
        self.secret = hub.settings.root / "secret"
        self.serve(hub.settings.root / "bench")
        super().__init__(hub)
        self.secret.write_text("genuine", encoding="utf-8")

    @abstractmethod
    def serve(self, place: Path) -> None:
        """Give out what lies there."""


class SftpBench(FilesElsewhereBench):
    kind = "sftp"
    turned_away = "Permission denied"
    bad = (
        ({"host": "h", "user": "u"}, "fingerprint"),
        ({"host": "h", "user": "u", "fingerprint": "MD5:aa:bb"}, "fingerprint"),
        ({"host": "h", "user": "u", "fingerprint": "SHA256:short"}, "fingerprint"),
        ({"host": "h", "user": "u", "fingerprint": "ssh-ed25519 not-a-key"}, "fingerprint"),
        ({"host": "h", "fingerprint": PIN}, "user"),
        ({"host": "sftp://h", "user": "u", "fingerprint": PIN}, "host"),
        ({"host": "u@h", "user": "u", "fingerprint": PIN}, "host"),
        ({"host": "h:22", "user": "u", "fingerprint": PIN}, "host"),
        ({"host": "h", "user": "u", "fingerprint": PIN, "port": 70000}, "port"),
        ({"host": "h", "user": "u", "fingerprint": PIN, "password": "genuine"}, "password"),
        ({"host": "h", "user": "u", "fingerprint": PIN, "password_env": "s3cret word"}, "password_env"),
        ({"host": "h", "user": "u", "fingerprint": PIN, "pattern": ""}, "pattern"),
        ({"host": "h", "user": "u", "fingerprint": PIN, "fetch_bytes": 0}, "fetch_bytes"),
    )

    def serve(self, place: Path) -> None:
        self.server = SftpServer(place)

    def settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.server.port, "fingerprint": self.server.fingerprint, "folder": "/",
            "user": self.server.user, "password_file": str(self.secret), "settle_seconds": 0.05,
        }  # fmt: skip

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.server.cut_after = 0
        yield
        self.server.cut_after = None

    def wrong_credentials(self) -> dict[str, Any]:
        self.server.password = "another"
        return self.settings()

    def close(self) -> None:
        self.server.close()


class WebdavBench(FilesElsewhereBench):
    kind = "webdav"
    turned_away = "HTTP 401"
    bad = (
        ({}, "url"),
        ({"url": "ftp://h/"}, "url"),
        ({"url": "https://user:secret@h/"}, "url"),
        ({"url": "https://h/a.csv#part"}, "url"),
        ({"url": "https://h/", "token_env": "s3cret token"}, "token_env"),
        ({"url": "https://h/", "attempts": 0}, "attempts"),
        ({"url": "https://h/", "timeout": 0}, "timeout"),
        ({"url": "https://h/", "settle_seconds": -1}, "settle_seconds"),
        ({"url": "https://h/", "folder": "x"}, "folder"),
    )
    below = "/"

    def serve(self, place: Path) -> None:
        self.server = WebdavServer(place)

    def settings(self) -> dict[str, Any]:
        return {
            "url": f"{self.server.url}{self.below}", "user": "hub", "password_file": str(self.secret), "settle_seconds": 0.05,
            "attempts": 1, "backoff": 0,
        }  # fmt: skip

    def put(self, name: str, rows: Rows) -> None:
        super().put(name.encode("utf-8", "replace").decode(), rows)  # its server knows UTF-8 alone

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.server.wire.cut_at = self.last.read_bytes()[-4:]
        yield
        self.server.wire.cut_at = b""

    def wrong_credentials(self) -> dict[str, Any]:
        self.server.let_in("another")
        return self.settings()

    def close(self) -> None:
        self.server.close()


class WebFileBench(WebdavBench):
    """One file, which is written anew with whatever is put."""

    below = "/data.csv"

    def __init__(self, hub: Hub) -> None:
        self.rows: list[tuple[str, int]] = []
        super().__init__(hub)
        (self.place / "data.csv").touch()

    def put(self, name: str, rows: Rows) -> None:
        self.rows += rows
        super().put("data", self.rows)

    def put_big(self) -> int:
        size = super().put_big()
        (self.place / "big.csv").rename(self.place / "data.csv")
        return size


class S3Bench(Bench):
    kind = "s3"
    turned_away = "SignatureDoesNotMatch"
    bad = (
        ({"bucket": "water"}, "endpoint"),
        ({"endpoint": "ftp://h", "bucket": "water"}, "endpoint"),
        ({"endpoint": "https://user:secret@h", "bucket": "water"}, "endpoint"),
        ({"endpoint": "http://h", "bucket": "water"}, "allow_http"),
        ({"endpoint": "http://h", "bucket": "water", "allow_http": "perhaps"}, "allow_http"),
        ({"endpoint": "https://h", "bucket": "../other"}, "bucket"),
        ({"endpoint": "https://h"}, "bucket"),
        ({"endpoint": "https://h", "bucket": "water", "region": ""}, "region"),
        ({"endpoint": "https://h", "bucket": "water", "attempts": 0}, "attempts"),
        ({"endpoint": "https://h", "bucket": "water", "password_env": "s3cret word"}, "password_env"),
        ({"endpoint": "https://h", "bucket": "water", "settle_seconds": 1}, "settle_seconds"),
    )

    def __init__(self, hub: Hub) -> None:
        self.store = S3Server()
        self.secret = hub.settings.root / "secret"
        super().__init__(hub)
        self.secret.write_text(self.store.secret, encoding="utf-8")

    def settings(self) -> dict[str, Any]:
        return {
            "endpoint": self.store.endpoint, "allow_http": True, "bucket": BUCKET, "prefix": "out", "user": self.store.user,
            "password_file": str(self.secret), "attempts": 1,
        }  # fmt: skip

    def put(self, name: str, rows: Rows) -> None:
        name = name.encode("utf-8", "replace").decode().replace("\n", " ")  # moto's server knows no line breaks
        self.last = f"out/{name}.csv", "编号,数量\n" + "".join(f"{key},{amount}\n" for key, amount in rows)
        self.again()

    def again(self) -> None:
        key, text = self.last
        self.store.put(key, text.encode())

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.store.wire.cut_at = self.last[1].encode()[-4:]
        yield
        self.store.wire.cut_at = b""

    def put_big(self) -> int:
        self.store.put("out/big.csv", b"0" * BIG)
        return BIG

    def wrong_credentials(self) -> dict[str, Any]:
        self.secret.write_text("another", encoding="utf-8")
        return self.settings()

    def close(self) -> None:
        self.store.close()


class WorkbookBench(Bench):
    kind = "template"
    route = "collect"
    bad = (({}, "path"), ({"path": "x", "arrival": "yesterday"}, "arrival"), ({"path": "x", "inbox": "y"}, "inbox"))
    agency = "heihe-emergency"

    def agree(self, session: Session) -> None:
        super().agree(session)
        session.add(Organization(id=self.agency, name=self.agency, kind="agency", level="city"))
        session.flush()
        session.add(AgreementAgency(agreement_id=AGREEMENT, organization_id=self.agency))

    def settings(self) -> dict[str, Any]:
        return {"path": "bench", "settle_seconds": 0.2}

    def put(self, name: str, rows: Rows) -> None:
        self.last = self.place / self.agency / f"{name}.xlsx"
        self.last.parent.mkdir(exist_ok=True)
        contract = self.hub.lookups.contract(DATASET)
        template.write(contract, self.hub.lookups, self.last, agency=self.agency, period="2026-03")
        book = load_workbook(self.last)
        for row, values in enumerate(rows, start=template.HEADER_ROW + 1):
            for column, value in enumerate(values, start=1):
                book[book.sheetnames[0]].cell(row, column, value)
        book.save(self.last)

    def again(self) -> None:
        os.utime(self.last, (1.7e9, 1.7e9))

    @contextmanager
    def cut(self) -> Iterator[None]:
        with growing(self.last):
            yield

    def put_big(self) -> int:
        big = self.place / self.agency / "big.xlsx"
        big.parent.mkdir(exist_ok=True)
        with big.open("wb") as file:
            file.write(b"PK\x03\x04")
            file.truncate(BIG)
        os.utime(big, (1.7e9, 1.7e9))
        return 0  # it is no template, and is left out


class HttpBench(Bench):
    kind = "http"
    turned_away = "401"
    bad = (
        ({}, "url"),
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "https://user:secret@example.org/"}, "url"),
        ({"url": "http://h/", "token_env": "s3cret token"}, "token_env"),
        ({"url": "http://h/", "attempts": 0}, "attempts"),
        ({"url": "http://h/", "pagesize": 3}, "pagesize"),
    )

    def __init__(self, hub: Hub) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.size, self.broken, self.token, self.padding = 2, False, "", ""
        bench = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = bench.answer(int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0]),
                                            self.headers.get("Authorization", ""))  # fmt: skip
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        super().__init__(hub)

    def answer(self, page: int, token: str) -> tuple[int, Any]:
        if self.token and token != f"Bearer {self.token}":
            return 401, {}
        if self.broken and page > 1:
            return 500, {}
        if self.padding:  # a list of many large pages, made as they are asked for
            rows = [{"site_id": f"{page}-{n}", "amount": n, "note": self.padding} for n in range(100)] if page <= 40 else []
            return 200, {"rows": rows}
        return 200, {"rows": self.rows[(page - 1) * self.size : page * self.size]}

    def settings(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.server.server_port}/levels"
        return {"url": url, "records": "rows", "attempts": 1, "backoff": 0.01, "token_file": str(self._token_file())}

    def _token_file(self) -> Path:
        file = self.hub.settings.root / "token" if hasattr(self, "hub") else Path("/nowhere")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("genuine", encoding="utf-8")
        return file

    def put(self, name: str, rows: Rows) -> None:
        self.rows = [*self.rows, *({"site_id": key, "amount": amount} for key, amount in rows)]

    def again(self) -> None:
        """It says the same whenever it is asked."""

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.broken = True
        yield
        self.broken = False

    def put_big(self) -> int:
        self.padding = "x" * 33_000  # 40 pages of 3 MB
        return BIG

    def wrong_credentials(self) -> dict[str, Any]:
        self.token = "another"
        return self.settings()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class DatabaseBench(Bench):
    """A table with a name that needs quotes, read by an account that may read it alone."""

    kind = "database"
    settled: ClassVar[dict[str, Any]]
    bad = (
        ({"table": "t"}, "url"),
        ({"url": "http://user@h/db", "table": "t"}, "url"),
        ({"url": "postgresql://user:secret@h/db", "table": "t"}, "url"),
        ({"url": "postgresql://user@h/db?host=/tmp", "table": "t"}, "url"),
        ({"url": "mysql://user@h/db?sslmode=maybe", "table": "t"}, "url"),
        ({"url": "mysql://user@h:port/db", "table": "t"}, "url"),
        ({"url": "mysql://user@[::1/db", "table": "t"}, "url"),
        ({"url": "mysql://user@h/d%00b", "table": "t"}, "url"),
        ({"url": "mysql://user@h/db"}, "query"),
        ({"url": "mysql://user@h/db", "table": "t", "query": "SELECT 1"}, "query"),
        ({"url": "postgresql://user@h/db", "query": "DELETE FROM t"}, "query"),
        ({"url": "postgresql://user@h/db", "query": "SELECT 1; DROP TABLE t"}, "query"),
        ({"url": "postgresql://user@h/db", "query": "WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x"}, "query"),
        ({"url": "mysql://user@h/db", "query": "SELECT 1 INTO OUTFILE '/tmp/x'"}, "query"),
        ({"url": "mysql://user@h/db", "query": "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */"}, "query"),
        ({"url": "mysql://user@h/db", "table": "t", "mode": "some"}, "mode"),
        ({"url": "mysql://user@h/db", "table": "t", "mode": "cursor", "key_columns": "id"}, "cursor_column"),
        ({"url": "mysql://user@h/db", "table": "t", "mode": "changes"}, "key_columns"),
        ({"url": "mysql://user@h/db", "table": "t", "mode": "changes", "key_columns": 3}, "key_columns"),
        ({"url": "mysql://user@h/db", "table": "t", "key_columns": "id"}, "key_columns"),
        ({"url": "mysql://user@h/db", "table": "t", "password_env": "s3cret word"}, "password_env"),
        ({"url": "mysql://user@h/db", "table": "t", "overlap": -1}, "overlap"),
        ({"url": "mysql://user@h/db", "table": "t", "fetch_rows": 0}, "fetch_rows"),
        ({"url": "mysql://user@h/db", "table": "t", "password": "s3cret"}, "password"),
    )

    def __init__(self, hub: Hub, server: str) -> None:
        self.name, self.home = f"hui_bench_{uuid.uuid4().hex[:12]}", hub.settings.root
        self.open(server)
        super().__init__(hub)

    @abstractmethod
    def open(self, server: str) -> None:
        """The account, the table, and the wire to them."""

    @abstractmethod
    def run(self, *statements: str) -> None:
        """As who owns the table."""

    @property
    @abstractmethod
    def table(self) -> str:
        """As the settings name it."""

    @property
    @abstractmethod
    def quoted(self) -> str:
        """As a statement names it."""

    def settings(self) -> dict[str, Any]:
        self.home.mkdir(exist_ok=True)
        secret = self.home / "password"
        secret.write_text("genuine\n", encoding="utf-8")
        return {"url": self.url, "table": self.table, "password_file": str(secret), **self.settled}

    def put(self, name: str, rows: Rows) -> None:
        self.last = rows[-1][0]
        self.run(*(f"INSERT INTO {self.quoted}(site_id, amount) VALUES ('{key}', {amount})" for key, amount in rows))

    def again(self) -> None:
        self.run(f"UPDATE {self.quoted} SET amount = amount + 1", f"UPDATE {self.quoted} SET amount = amount - 1")

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.wire.cut_at = self.last.encode()
        yield
        self.wire.cut_at = b""

    def close(self) -> None:
        self.wire.close()


class PostgresBench(DatabaseBench):
    server = "postgres_server"
    turned_away = "is not permitted to log in"
    settled: ClassVar = {"mode": "cursor", "cursor_column": "amount", "key_columns": ["site_id"]}

    def open(self, server: str) -> None:
        self.connection = psycopg.connect(server, dbname="postgres", autocommit=True)
        information = self.connection.info
        self.wire = Wire(information.host, information.port)
        self.url = f"postgresql://{self.name}@127.0.0.1:{self.wire.port}/postgres?sslmode=disable"
        self.run(
            f"CREATE ROLE {self.name} LOGIN PASSWORD 'genuine'",
            f"CREATE SCHEMA {self.name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {self.name} GRANT SELECT ON TABLES TO {self.name}",
            f"GRANT USAGE ON SCHEMA {self.name} TO {self.name}",
            f"CREATE TABLE {self.quoted}(site_id text PRIMARY KEY, amount integer)",
        )

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement.encode())

    @property
    def table(self) -> str:
        return f'{self.name}.危 "险"; --'

    @property
    def quoted(self) -> str:
        return f'{self.name}."危 ""险""; --"'

    def put_big(self) -> int:
        rows = f"SELECT 'B' || n AS site_id, n AS amount, repeat('x', 33000) AS note FROM generate_series(1, {LONG_ROWS}) n"
        self.run(f"DROP TABLE {self.quoted}", f"CREATE VIEW {self.quoted} AS {rows}")
        return BIG

    def wrong_credentials(self) -> dict[str, Any]:
        self.run(f"ALTER ROLE {self.name} NOLOGIN")
        return self.settings()

    def close(self) -> None:
        super().close()
        self.run(f"DROP SCHEMA {self.name} CASCADE", f"DROP OWNED BY {self.name}", f"DROP ROLE {self.name}")
        self.connection.close()


class MariaBench(DatabaseBench):
    server = "mariadb_server"
    turned_away = "1045"
    settled: ClassVar = {"mode": "changes", "key_columns": ["site_id"]}

    def open(self, server: str) -> None:
        parts = urlsplit(server)
        assert parts.hostname
        assert parts.port
        self.connection = pymysql.connect(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "", database="test"
        )
        self.wire = Wire(parts.hostname, parts.port)
        self.url = f"mysql://{self.name}@127.0.0.1:{self.wire.port}/test?sslmode=disable"
        self.run(
            f"CREATE TABLE {self.quoted}(site_id VARCHAR(100) PRIMARY KEY, amount INTEGER) CHARACTER SET utf8mb4",
            f"CREATE USER {self.name}@'%' IDENTIFIED BY 'genuine'",
            f"GRANT SELECT ON test.{self.quoted} TO {self.name}@'%'",
        )

    def run(self, *statements: str) -> None:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        self.connection.commit()

    @property
    def table(self) -> str:
        return f"{self.name} 危`险"

    @property
    def quoted(self) -> str:
        return f"`{self.name} 危``险`"

    def put_big(self) -> int:
        rows = f"SELECT CONCAT('B', seq) AS site_id, seq AS amount, REPEAT('x', 33000) AS note FROM seq_1_to_{LONG_ROWS}"
        self.run(f"DROP TABLE {self.quoted}", f"CREATE VIEW {self.quoted} AS {rows}")
        return BIG

    def wrong_credentials(self) -> dict[str, Any]:
        self.run(f"SET PASSWORD FOR {self.name}@'%' = PASSWORD('another')")
        return self.settings()

    def close(self) -> None:
        super().close()
        self.run(f"DROP VIEW IF EXISTS {self.quoted}", f"DROP TABLE IF EXISTS {self.quoted}", f"DROP USER {self.name}@'%'")
        self.connection.close()


class MqttBench(Bench):
    """A broker that hears no acknowledgement, so that it sends whatever it sent once more to whoever comes next."""

    kind = "mqtt"
    server = "mosquitto_program"
    turned_away = "Not authorized"
    bad = (
        ({"topics": "a"}, "url"),
        ({"url": "http://h/", "topics": "a"}, "url"),
        ({"url": "mqtt://user:secret@h", "topics": "a"}, "url"),
        ({"url": "mqtt://h:port", "topics": "a"}, "url"),
        ({"url": "mqtt://[::1", "topics": "a"}, "url"),
        ({"url": "mqtt://h/path", "topics": "a"}, "url"),
        ({"url": "mqtt://h"}, "topics"),
        ({"url": "mqtt://h", "topics": ""}, "topics"),
        ({"url": "mqtt://h", "topics": 3}, "topics"),
        ({"url": "mqtt://h", "topics": "a/#/b"}, "topics"),
        ({"url": "mqtt://h", "topics": "a/b#"}, "topics"),
        ({"url": "mqtt://h", "topics": "a/b+"}, "topics"),
        ({"url": "mqtt://h", "topics": "a/+x/+x"}, "topics"),
        ({"url": "mqtt://h", "topics": "$share/g/a"}, "topics"),
        ({"url": "mqtt://h", "topics": "a", "version": "4"}, "version"),
        ({"url": "mqtt://h", "topics": "a", "payload": "xml"}, "payload"),
        ({"url": "mqtt://h", "topics": "a", "payload": "csv"}, "csv_columns"),
        ({"url": "mqtt://h", "topics": "a", "csv_columns": "x"}, "csv_columns"),
        ({"url": "mqtt://h", "topics": "a", "payload": "csv", "csv_columns": "x, x"}, "csv_columns"),
        ({"url": "mqtt://h", "topics": "a", "batch": 70_000}, "batch"),
        ({"url": "mqtt://h", "topics": "a", "batch_seconds": 0}, "batch_seconds"),
        ({"url": "mqtt://h", "topics": "a", "session_seconds": 0}, "session_seconds"),
        ({"url": "mqtt://h", "topics": "a", "password_env": "s3cret word"}, "password_env"),
        ({"url": "mqtt://h", "topics": "a", "password": "s3cret"}, "password"),
    )

    def __init__(self, hub: Hub, server: str) -> None:
        folder = hub.settings.root / "broker"
        folder.mkdir(parents=True)
        self.home, self.broker = hub.settings.root, Mosquitto(server, folder, users=True)
        self.wire = Deaf("127.0.0.1", self.broker.port)
        super().__init__(hub)

    def settings(self) -> dict[str, Any]:
        secret = self.home / "password"
        secret.write_text("genuine\n", encoding="utf-8")
        url = f"mqtt://collector@127.0.0.1:{self.wire.port}"
        soon = {"quiet_seconds": 0.3, "connect_seconds": 1}
        return {"url": url, "topics": ["bench/#"], "password_file": str(secret), **soon}

    def put(self, name: str, rows: Rows) -> None:
        self.last = rows[-1][0]
        topic = "bench/" + re.sub(r"[\x00-\x1f+#/]", "_", name.encode("utf-8", "replace").decode())
        records = [{"site_id": key, "amount": amount} for key, amount in rows]
        self.broker.publish((topic, json.dumps(records).encode()), retain=True)

    def again(self) -> None:
        """It has heard no acknowledgement."""

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.wire.cut_at = self.last.encode()
        yield
        self.wire.cut_at = b""

    def put_big(self) -> int:
        assert self.settings()
        sources.opened(self.hub, sources.in_force(self.hub)[DATASET][0]).collect(Nowhere())
        rows = ({"site_id": f"B{n}", "amount": n, "note": "x" * 33_000} for n in range(LONG_ROWS))
        self.broker.publish(*(("bench/big", json.dumps(row).encode()) for row in rows))
        return BIG

    def wrong_credentials(self) -> dict[str, Any]:
        self.broker.password("collector", "another")
        return self.settings()

    def close(self) -> None:
        self.wire.close()
        self.broker.stop()


class Nowhere:
    """A landing where nothing lands: for a first look at what is empty."""

    def receive(self, arrival: Arrival) -> Received | None:
        raise AssertionError(arrival)


class ZipBench(Bench):
    kind = "zip"
    bad = (({}, "folder"), ({"folder": "x", "limit": 0}, "limit"), ({"folder": "x", "limit": "many"}, "limit"))

    def settings(self) -> dict[str, Any]:
        return {"folder": "bench"}

    def put(self, name: str, rows: Rows) -> None:
        self.last = self.place / f"{len(list(self.place.iterdir())):03d}.zip"
        text = "编号,数量\n" + "".join(f"{key},{amount}\n" for key, amount in rows)
        with zipfile.ZipFile(self.last, "w") as archive:
            archive.writestr(f"{name.encode('utf-8', 'replace').decode()}.csv", text)

    def again(self) -> None:
        """The same file in a second archive."""
        (self.place / "zzz.zip").write_bytes(self.last.read_bytes())

    @contextmanager
    def cut(self) -> Iterator[None]:
        whole = self.last.read_bytes()
        place = whole.index("数量".encode())
        self.last.write_bytes(whole[:place] + b"\0" * 6 + whole[place + 6 :])
        yield
        self.last.write_bytes(whole)

    def put_big(self) -> int:
        with (
            zipfile.ZipFile(self.place / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("big.csv", "w") as file,
        ):
            for _ in range(BIG >> 20):
                file.write(b"0" * (1 << 20))
        return BIG


BENCHES: Mapping[str, type[Bench]] = {
    one.kind: one for one in (FolderBench, HttpBench, MqttBench, S3Bench, SftpBench, WebdavBench, WorkbookBench, ZipBench)
} | {
    "postgresql": PostgresBench,
    "mariadb": MariaBench,
    "web-file": WebFileBench,
}


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Somebody goes on writing to it; afterwards it is what it was before."""
    stop, whole = threading.Event(), file.read_bytes()

    def write() -> None:
        while not stop.wait(0.02):
            with file.open("ab") as more:
                more.write(b"0")

    file.write_bytes(whole[: len(whole) // 2])
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
        file.write_bytes(whole)
