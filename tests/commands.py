"""`hub` as people call it, in the test's own process: a process of its own spends two seconds on its start alone."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from catalog.store import database
from cli.main import main
from warehouse.settings import Settings
from warehouse.storage import connection


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def hub(home: Path, *words: str, typed: str = "", **environment: str) -> Done:
    """One command over a home: arguments, what is typed, environment, status and both outputs as in a process; nothing of it
    stays behind."""
    out, err = io.StringIO(), io.StringIO()
    told = {"HUB_HOME": str(home), "HUB_LANG": "en", **environment}
    before = os.umask(0o022)
    os.umask(before)
    status: object = 0
    try:
        with (
            mock.patch.dict(os.environ, told),
            mock.patch.object(sys, "argv", ["hub", *words]),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            Context().run(main)  # with no key, and nothing announced, of another command
    except SystemExit as ended:
        status = ended.code
    finally:
        os.umask(before)
        settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
        connection.forget(settings)
        database.engine(settings.catalog_database).dispose()
    return Done(status if isinstance(status, int) else 1 if status else 0, out.getvalue(), err.getvalue())
