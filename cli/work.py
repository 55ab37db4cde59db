"""`hub work`: schedules and sensors, in Dagster's own processes, started, watched and ended together."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import typer
from filelock import FileLock, Timeout

from catalog.store import database
from cli.terminal.language import said
from contracts.errors import HubError
from warehouse.settings import Settings

LOG_BYTES = 20 * 2**20
LOOK_SECONDS = 0.5
CHANGES_SECONDS = 15.0
"""How often the catalogue is asked whether contracts or agreements changed; then the definitions load anew."""
GRACE_SECONDS = 20.0
START_SECONDS = 120.0
QUICK_DEATHS = 3


class AlreadyWorking(HubError):
    """Another `hub work` serves this HUB_HOME."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"{home} 已有 hub work 在运行；同一目录只需一个。", f"A hub work is running for {home} already; one is enough."
        )


class WorkEnded(HubError):
    """A process of Dagster's ended on its own."""


@dataclass
class Child:
    """One process: how it is started, and how often it died young."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0

    def start(self, environment: dict[str, str]) -> None:
        """Start it, away from the terminal's Ctrl-C, and to end when we are killed."""
        with _log(self.log) as sink:
            self.process = subprocess.Popen(
                self.command,
                env=environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self.started = time.monotonic()

    def ended(self) -> int | None:
        """Its status once it ended."""
        return self.process.poll() if self.process else None

    def stop(self, patience: float) -> None:
        """Ask it to end, and insist when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Crew:
    """The processes of one `hub work`: code server first, then the daemon, and the web pages where asked for."""

    settings: Settings
    environment: dict[str, str]
    children: list[Child]
    stopping: bool = False
    known: str = ""
    looked: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """The code server, and once it answers the others, which end where they find none."""
        self.known = definitions_digest(self.settings)
        code, *others = self.children
        code.start(self.environment)
        self._await(code)
        for child in others:
            if not self.stopping:
                child.start(self.environment)

    def watch(self) -> None:
        """Until told to stop: start the code server again when it ended, end all when another one did."""
        while not self.stopping:
            time.sleep(LOOK_SECONDS)
            for child in self.children:
                status = child.ended()
                if status is not None and not self.stopping:
                    self._again(child, status)
            if time.monotonic() - self.looked > CHANGES_SECONDS:
                self._reload_if_changed()

    def stop(self) -> None:
        """End all, the daemon first, so that nothing new begins."""
        self.stopping = True
        for child in reversed(self.children):
            child.stop(GRACE_SECONDS)

    def _await(self, code: Child) -> None:
        socket_file, began = Path(self.environment["HUB_CODE_SOCKET"]), time.monotonic()
        while not socket_file.exists() and not self.stopping:
            status = code.ended()
            if status is not None or time.monotonic() - began > START_SECONDS:
                raise WorkEnded(
                    f"定义没有载入（状态 {status}）；原因见 {code.log}。",
                    f"The definitions did not load (status {status}); see {code.log} for the reason.",
                )
            time.sleep(LOOK_SECONDS / 5)

    def _again(self, child: Child, status: int) -> None:
        child.deaths = child.deaths + 1 if time.monotonic() - child.started < 30 else 1
        if child.deaths > QUICK_DEATHS:
            raise WorkEnded(
                f"{child.name} 一再退出（状态 {status}）；原因见 {child.log}。",
                f"{child.name} keeps ending (status {status}); see {child.log} for the reason.",
            )
        child.start(self.environment)

    def _reload_if_changed(self) -> None:
        """A new contract or agreement makes a new asset or schedule: the code server ends after its runs and starts again."""
        self.looked = time.monotonic()
        now = definitions_digest(self.settings)
        if now == self.known:
            return
        self.known = now
        code = self.children[0]
        code.deaths = 0
        typer.echo(said("目录有变化，重新载入定义。", "The catalogue changed; loading definitions again."))
        _shut_code_server(self.environment["HUB_CODE_SOCKET"])


def work(
    ui: Annotated[bool, typer.Option("--ui", help="Serve Dagster's web pages, too.")] = False,
    port: Annotated[int, typer.Option(help="Port of the web pages.")] = 8710,
    host: Annotated[str, typer.Option(help="Address of the web pages; they have no sign-in, keep them local.")] = "127.0.0.1",
) -> None:
    """Run schedules (from agreements) and sensors (new files, interrupted deliveries, models, lineage) until Ctrl-C."""
    settings = Settings()
    database.require(settings.catalog_database)
    with _alone(settings), _socket() as code:
        crew = Crew(settings, _environment(settings, code), _children(settings, code, ui, host, port))
        _on_signals(crew.stop)
        try:
            crew.start()
            _greet(settings, ui, host, port)
            crew.watch()
        finally:
            crew.stop()
    typer.echo(said("已停止。", "Stopped."))


def definitions_digest(settings: Settings) -> str:
    """Changes when an asset, a channel or a schedule would."""
    import hashlib

    from sqlmodel import col, select

    from catalog.acquisition.agreements import IN_FORCE, Agreement
    from catalog.entries import packs
    from catalog.entries.contracts import ContractVersion

    with database.session(settings.catalog_database) as session:
        contracts = select(ContractVersion.dataset, ContractVersion.version).where(ContractVersion.status == "active")
        channels = select(Agreement.id, Agreement.dataset, Agreement.cycle, Agreement.cron).where(
            col(Agreement.state).in_(IN_FORCE)
        )
        facts = [
            list(session.exec(contracts.order_by(ContractVersion.dataset))),
            list(session.exec(channels.order_by(Agreement.id))),
            [(one.name, one.version) for one in packs.in_use(session)],
        ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _children(settings: Settings, code: Path, ui: bool, host: str, port: int) -> list[Child]:
    python, logs = sys.executable, settings.logs
    module = ["-m", "orchestration.definitions"]
    served = [python, "-m", "dagster", "api", "grpc", "--socket", str(code), *module, "--location-name", "hui"]
    daemon = [python, "-m", "dagster._daemon", "run", "--grpc-socket", str(code), "--log-level", "warning"]
    children = [Child("code", served, logs / "work-code.log"), Child("daemon", daemon, logs / "work-daemon.log")]
    if ui:
        _free(host, port)
        web = [python, "-m", "dagster_webserver", "--grpc-socket", str(code), "-h", host, "-p", str(port)]
        children.append(Child("web", web, logs / "work-web.log"))
    return children


def _environment(settings: Settings, code: Path) -> dict[str, str]:
    from orchestration.home import environment

    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **environment(settings), "PYTHONPATH": path, "HUB_CODE_SOCKET": str(code)}


def _greet(settings: Settings, ui: bool, host: str, port: int) -> None:
    typer.echo(
        said(f"定时与感知任务运行中，日志在 {settings.logs}。", f"Schedules and sensors are at work; logs in {settings.logs}.")
    )
    if ui:
        typer.echo(said(f"Dagster 页面：http://{host}:{port}", f"Dagster's pages: http://{host}:{port}"))
    typer.echo(said("按 Ctrl-C 停止。", "Ctrl-C ends it."))


def _on_signals(stop: Callable[[], None]) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _shut_code_server(path: str) -> None:
    """Ends once its runs are done; refusing or gone, it is found ended by the watch."""
    from dagster._grpc.client import DagsterGrpcClient

    try:
        DagsterGrpcClient(socket=path).shutdown_server()
    except Exception as error:
        typer.echo(str(error), err=True)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    folder = settings.root / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "work.lock", timeout=0):
            yield
    except Timeout:
        raise AlreadyWorking(settings.root) from None


@contextmanager
def _socket() -> Iterator[Path]:
    """A socket's path that is short enough (108 bytes), in a folder that is ours alone."""
    folder = Path(tempfile.mkdtemp(prefix="hub-work-"))
    try:
        yield folder / "code.sock"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _log(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        os.replace(path, path.with_suffix(".log.1"))
    with path.open("ab") as sink:
        yield sink


def _free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WorkEnded(
                f"端口 {port} 已被占用；用 --port 另选一个。", f"Port {port} is taken; choose another with --port."
            ) from error


def _end_with_parent() -> None:
    """PR_SET_PDEATHSIG: a killed `hub work` leaves no process behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
