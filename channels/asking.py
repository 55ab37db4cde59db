"""Asking an endpoint under limits: connecting, silence, the whole page, its bytes, and the whole fetch."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import httpx

from channels.base import ChannelFailed, TimeUp

AGAIN = {408, 425, 429, 500, 502, 503, 504}
LONGEST_WAIT = 60.0
TOKEN_BYTES = 64 * 2**10
"""A token's answer is no longer."""


@dataclass(frozen=True)
class Limits:
    """How long and how much an endpoint may take. `silence` is between two bytes, `page` and `fetch` are in all."""

    connect: float = 10.0
    silence: float = 30.0
    page: float = 60.0
    fetch: float = 600.0
    page_bytes: int = 64 * 2**20
    fetch_bytes: int = 2 * 2**30
    attempts: int = 5
    backoff: float = 0.5


@dataclass(frozen=True, slots=True)
class Grant:
    """OAuth 2.0 client credentials (RFC 6749, 4.4): where a token is to be had, by whom, for what."""

    url: str
    client: str
    secret: str = field(repr=False)
    scope: str = ""
    in_body: bool = False
    """The client is named in the form (client_secret_post), not by Basic (client_secret_basic)."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came, what kind of text it says it is, and how it says it is packed."""

    content: bytes
    """Packed as it was sent: what it unpacks to is for a process of its own (docs/decisions/0017)."""
    media: str
    coding: str = ""
    following: str = ""
    """The next page's address, as its Link header tells it (RFC 8288)."""


class NotGot(Exception):
    """A page was not got: why, in a few words, and its HTTP status where there was one."""

    def __init__(self, problem: str, status: int = 0) -> None:
        super().__init__(problem)
        self.problem, self.status = problem, status


@dataclass
class Asker:
    """One fetch's connection, with its clock."""

    limits: Limits
    client: httpx.AsyncClient
    runner: asyncio.Runner
    grant: Grant | None = None
    token: str = field(default="", repr=False)
    bytes: int = 0
    began: float = field(default_factory=time.monotonic)

    def page(self, url: str, query: Mapping[str, str]) -> Page:
        """One page, asked again while the server is busy; NotGot when it does not come, ChannelFailed when time is up."""
        try:
            return self._asked(url, query)
        except NotGot as trouble:
            if trouble.status != 401 or not self.token:
                raise
            self.token = ""  # it has expired meanwhile
            return self._asked(url, query)

    def _asked(self, url: str, query: Mapping[str, str]) -> Page:
        for attempt in range(1, self.limits.attempts + 1):
            left = self.left()
            try:
                return self.runner.run(self._once(url, query, min(self.limits.page, left)))
            except TimeoutError:
                raise self._too_slow(left) from None
            except NotGot as trouble:
                last = trouble
                if trouble.status and trouble.status not in AGAIN:
                    break
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                last = NotGot(_words(error))
            if attempt < self.limits.attempts:
                time.sleep(min(self._pause(attempt, last), max(0.0, self.left())))
        raise last

    async def _once(self, url: str, query: Mapping[str, str], seconds: float) -> Page:
        async with asyncio.timeout(seconds):
            if self.grant is not None and not self.token:
                self.token = await self._token(self.grant)
            signed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            async with self.client.stream("GET", url, params=dict(query), headers=signed) as answer:
                if not answer.is_success:
                    raise _Busy(f"HTTP {answer.status_code}", answer.status_code, answer.headers.get("Retry-After", ""))
                parts: list[bytes] = []
                size = 0
                async for part in answer.aiter_raw():
                    size += len(part)
                    self._require_room(size)
                    parts.append(part)
                self.bytes += size
                headers, following = answer.headers, answer.links.get("next", {}).get("url", "")
                media, coding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "")
                return Page(b"".join(parts), media, coding, following)

    async def _token(self, grant: Grant) -> str:
        """A token for the client; its own server is told nothing but the client's name and secret."""
        form = {"grant_type": "client_credentials", **({"scope": grant.scope} if grant.scope else {})}
        named = {"client_id": grant.client, "client_secret": grant.secret} if grant.in_body else {}
        auth = None if grant.in_body else httpx.BasicAuth(quote_plus(grant.client), quote_plus(grant.secret))
        async with self.client.stream("POST", grant.url, data={**form, **named}, auth=auth) as answer:
            if not answer.is_success:
                status, wait = answer.status_code, answer.headers.get("Retry-After", "")
                raise _Busy(f"令牌地址 {grant.url} 答复 HTTP {status} / its token's address answers so", status, wait)
            told = b""
            async for part in answer.aiter_bytes():
                told += part
                if len(told) > TOKEN_BYTES:
                    break
        try:
            body = json.loads(told)
            token = body["access_token"]
        except (ValueError, RecursionError, TypeError, KeyError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise NotGot(f"令牌地址 {grant.url} 未给出令牌 / its token's address gives no token", 422)
        return token

    def unpacked(self, page: Page, size: int) -> None:
        """Count what a page unpacked to against the fetch's bytes."""
        self._require_room(size - len(page.content))
        self.bytes += size - len(page.content)

    def left(self) -> float:
        """Seconds that are left of the fetch; ChannelFailed where there are none."""
        left = self.began + self.limits.fetch - time.monotonic()
        if left <= 0:
            raise TimeUp(self.limits.fetch)
        return left

    def _too_slow(self, left: float) -> NotGot:
        limit = min(self.limits.page, left)
        return NotGot(f"{limit:.0f} 秒内没有收完一页 / the page did not come whole within {limit:.0f} s")

    def _require_room(self, size: int) -> None:
        if size > self.limits.page_bytes or self.bytes + size > self.limits.fetch_bytes:
            raise ChannelFailed(
                f"返回的数据超过上限（每页 {self.limits.page_bytes:,} 字节，每次 {self.limits.fetch_bytes:,} 字节），未收取；"
                "请让接口分页，或在通道中调高 page_bytes、fetch_bytes。",
                f"More came than the limits allow ({self.limits.page_bytes:,} bytes a page, {self.limits.fetch_bytes:,} "
                "a fetch); nothing was taken. Have the endpoint send pages, or raise page_bytes, fetch_bytes in the channel.",
            )

    def _pause(self, attempt: int, trouble: NotGot) -> float:
        """Twice as long each time, with some chance in it; what the server asks for wins."""
        retry_after = trouble.retry_after if isinstance(trouble, _Busy) else ""
        if retry_after.isdigit():
            return min(float(retry_after), LONGEST_WAIT)
        spread = random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        return float(self.limits.backoff * 2 ** (attempt - 1) * spread)


class _Busy(NotGot):
    def __init__(self, problem: str, status: int, retry_after: str) -> None:
        super().__init__(problem, status)
        self.retry_after = retry_after


@contextmanager
def asker(limits: Limits, headers: Mapping[str, str], grant: Grant | None = None) -> Iterator[Asker]:
    """A connection for one fetch; `page` and `fetch` hold whatever the server does, a drip of bytes included."""
    timeout = httpx.Timeout(limits.silence, connect=limits.connect)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(headers={"Accept-Encoding": "gzip, deflate", **headers}, timeout=timeout)
        try:
            yield Asker(limits, client, runner, grant)
        finally:
            runner.run(client.aclose())


def _words(error: Exception) -> str:
    """What went wrong on the way, without the library's inner words where ours are clearer."""
    sentences: dict[type[Exception], str] = {
        httpx.RemoteProtocolError: "连接中途断开 / the answer was cut off",
        httpx.ReadTimeout: "对方沉默过久 / the server fell silent",
        httpx.ConnectTimeout: "连接超时 / no connection in time",
    }
    words: Callable[[type[Exception]], str] = lambda kind: sentences.get(kind, "")  # noqa: E731
    return f"{words(type(error))} {type(error).__name__}: {error}".strip()
