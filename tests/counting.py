"""What a piece of work asks of the catalogue: a count holds on a busy machine, seconds do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, event, make_url
from sqlmodel import Session


@contextmanager
def statements(catalogue: Session | str) -> Iterator[list[str]]:
    """Every SQL statement that this catalogue (a session of it, or its URL) is asked meanwhile, in order.

    Others are not counted: servers of other tests live on in this process, and their runners look for jobs.
    """
    asked: list[str] = []
    url = make_url(catalogue) if isinstance(catalogue, str) else catalogue.connection().engine.url

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if _database(connection.engine.url) == _database(url):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _database(url: URL) -> tuple[str | None, int | None, str | None]:
    return url.host, url.port, url.database
