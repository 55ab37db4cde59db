"""A use of data by request: decided, done, recorded; and decided again where what it rests on changed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from fastapi import Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.http.dependencies import attempted, bearer_of, settings_of, subject_of
from catalog.access import compiled
from catalog.access.compiled import ChangedMeanwhile, Use
from catalog.access.use import Reading
from catalog.store import database
from contracts.errors import HubError

T = TypeVar("T")


class FreshAnswer(Response):
    """An answer that begins only while its right was looked at just now: who ends a right waits as long before they are told
    so (`compiled.HELD_SECONDS`)."""

    def __init__(self, *given: Any, still: Callable[[], bool], looked: float, **more: Any) -> None:
        """`still`: whether the right is there and the same; `looked`: when it was looked at last (monotonic)."""
        super().__init__(*given, **more)
        self.still, self.looked = still, looked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look again where it has waited; ChangedMeanwhile, or what `still` raises, where the right is not the same."""
        for _ in range(compiled.TRIES):
            if time.monotonic() - self.looked <= compiled.FRESH_SECONDS:
                await super().__call__(scope, receive, send)
                return
            self.looked = time.monotonic()
            if not await run_in_threadpool(self.still):
                break
        raise ChangedMeanwhile


@dataclass(frozen=True, slots=True)
class Asking:
    """What a use is asked for."""

    name: str
    action: str
    version: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Used(Generic[T]):
    """A use that is allowed and on record, and what it gave."""

    use: Use
    result: T
    answer: Callable[..., FreshAnswer]
    """Makes its answer, of what a Response is made of."""


def used(request: Request, asked: Asking, do: Callable[[Reading], tuple[T, Mapping[str, Any]]]) -> Used[T]:
    """What `do` gives for the allowed use, with its record committed. It says what the record tells besides.

    What was decided before for this key is taken at its word first: whether it still holds is looked at where the use is
    recorded, or where `do` fails. If not, it is decided anew, and done anew where it is another use then.
    """
    bind = database.engine(settings_of(request).catalog_database)
    decided = _kept(request, bind, asked) or _decided(request, bind, asked)
    before: Use | None = None
    for _ in range(compiled.TRIES):
        try:
            if before is None or not decided.same_as(before):
                result, detail = do(decided.reading)
        except HubError:
            if compiled.token(bind) == decided.generation:
                raise
            before = None
        else:
            looked = time.monotonic()
            if compiled.record(bind, decided, asked.action, **detail):
                still = partial(_holds, request, asked, decided)
                return Used(decided, result, partial(FreshAnswer, still=still, looked=looked))
            before = decided
        decided = _decided(request, bind, asked)
    raise ChangedMeanwhile


def _kept(request: Request, bind: Engine, asked: Asking) -> Use | None:
    """What was decided for this key, if time has not ended it."""
    bearer = bearer_of(request)
    if not bearer:
        return None
    attempted(request, bearer)
    return compiled.of(bind).get(_named(bearer, asked))


def _decided(request: Request, bind: Engine, asked: Asking) -> Use:
    token = compiled.token(bind)
    with database.session(bind) as session:
        subject = subject_of(request, session)
        decided = compiled.decide(
            session, token, subject, asked.name, asked.action, version=asked.version, purpose=asked.purpose
        )
    if bearer := bearer_of(request):
        compiled.of(bind).keep(_named(bearer, asked), decided)
    return decided


def _holds(request: Request, asked: Asking, decided: Use) -> bool:
    """Whether a use is still allowed, and the same. Errors: those of the decision."""
    bind = database.engine(settings_of(request).catalog_database)
    return compiled.token(bind) == decided.generation or _decided(request, bind, asked).same_as(decided)


def _named(bearer: str, asked: Asking) -> Hashable:
    return compiled.named(bearer, asked.name, asked.action, asked.version, asked.purpose)
