"""The unmodified Delta Sharing client, in an environment of its own, against a served hub."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from filelock import FileLock

from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-clients"
LOCK = ROOT / "deploy" / "locks" / "clients.txt"


@pytest.fixture(scope="session")
def client_python() -> Path:
    """Python of the clients' environment, made from its lock the first time; without packages to make it from, tests skip."""
    python, mark = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "made-from"
    with FileLock(ROOT / ".venv-clients.lock", timeout=300):
        if python.is_file() and mark.is_file() and mark.read_bytes() == LOCK.read_bytes():
            return python
        uv = Path(sys.executable).with_name("uv")
        for step in (["venv", "--clear", str(ENVIRONMENT)], ["pip", "sync", "--require-hashes", str(LOCK)]):
            target = ["--python", str(python)] if step[0] == "pip" else ["--python", sys.executable]
            done = subprocess.run([str(uv), *step, *target], capture_output=True, text=True)
            if done.returncode:
                if os.environ.get("CI") == "true":
                    pytest.fail(done.stderr)
                pytest.skip(f"the clients' environment cannot be made here: {done.stderr.strip().splitlines()[-1]}")
        mark.write_bytes(LOCK.read_bytes())
    return python


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, str]]:
    """A hub on a free port, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"  # links begin with it
    hub = built(Settings(home=tmp_path_factory.mktemp("clients") / "var", public_url=address, _env_file=None))
    server = uvicorn.Server(uvicorn.Config(hub.client.app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield hub, address
    server.should_exit = True
    thread.join(10)
    connection.forget(hub.settings)


PROGRAM = """
import json, os, sys, traceback
import delta_sharing, requests
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    profile, code = json.loads(line)
    names = {"delta_sharing": delta_sharing, "json": json, "profile": profile, "t": lambda name, at=profile: f"{at}#{name}"}
    try:
        exec(code, names)
        answer = [names["out"], ""]
    except BaseException:
        answer = [None, traceback.format_exc()]
    print(json.dumps(answer, default=str), file=told, flush=True)
"""
"""Lines of code in, what each says of `out` back: to start the client takes two seconds, to ask with it hundredths."""


@pytest.fixture(scope="module")
def asked(client_python: Path) -> Iterator[subprocess.Popen[str]]:
    """The client, waiting for code."""
    command = [str(client_python), "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.fixture
def client(asked: subprocess.Popen[str], served: tuple[Hub, str], tmp_path: Path) -> Callable[..., Any]:
    """Runs lines of Python with the client as somebody: `t(name)` is a table's address, the last value of `out` comes back."""
    hub, address = served

    def run(who: str, code: str) -> Any:
        profile = tmp_path / f"{who}.share"
        told = {"shareCredentialsVersion": 1, "endpoint": f"{address}/delta-sharing/", "bearerToken": hub.keys[who]}
        profile.write_text(json.dumps(told))
        print(json.dumps([str(profile), code]), file=asked.stdin, flush=True)
        out, error = json.loads(asked.stdout.readline())  # type: ignore[union-attr]
        assert not error, error[-2000:]
        return out

    return run
