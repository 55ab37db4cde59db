"""Files over HTTP: one address that is a file, or a WebDAV folder, whose address ends in a slash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

import httpx
from pydantic import AfterValidator, Field

from channels.asking import AGAIN, LONGEST_WAIT, NotGot
from channels.base import ChannelFailed, TokenSettings
from channels.elsewhere import ElsewhereChannel, ElsewhereSettings, Remote
from channels.multistatus import Listing, Member, NoListing
from channels.shelf import Entry, Kind, SettleSettings
from contracts.clock import now

REDIRECTS = 5
PIECE = 1 << 20
ASKED = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><prop>
<resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>"""
STATUS = {401: "account", 407: "account", 403: "rights", 404: "nowhere", 410: "nowhere", 412: "changed", 416: "changed"}


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("应为 http:// 或 https:// 地址 / must be an http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError("不得含用户名和口令，请用 user 与 password_env / must hold no account: see user, password_env")
    return url


class WebdavSettings(ElsewhereSettings, SettleSettings, TokenSettings):
    """Where the file or the folder is, and either an account or a token."""

    url: Annotated[str, AfterValidator(_address)]
    attempts: int = Field(default=5, ge=1, le=20)
    backoff: float = Field(default=0.5, ge=0)

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        parts = urlsplit(self.url)
        return not parts.query and (parts.path.endswith("/") or not parts.path)

    def origin(self) -> tuple[str, str]:
        """The server, and the path on it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")


class WebShelf(Remote[WebdavSettings]):
    """The file or the folder. Whoever redirects to another host is not followed there: the account is for this one."""

    @property
    def where(self) -> str:
        """The address, without what is asked of it."""
        return self.settings.url.partition("?")[0]

    @property
    def settle_seconds(self) -> float:  # type: ignore[override]
        """As the settings say."""
        return self.settings.settle_seconds

    async def connect(self) -> None:
        """Nothing is asked yet."""
        settings, headers = self.settings, {"Accept-Encoding": "identity"}
        if token := settings.token(self.home):
            headers["Authorization"] = f"Bearer {token}"
        self.began = int(now().timestamp() * 1000)
        self.client = httpx.AsyncClient(
            headers=headers,
            auth=(settings.user, settings.password(self.home)) if settings.user else None,
            timeout=httpx.Timeout(None, connect=settings.connect_seconds),
        )

    async def disconnect(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def pages(self) -> AsyncGenerator[Sequence[Entry], None]:
        """The folder's members as they are told, or the one file."""
        if not self.settings.folder:
            yield [Entry(self._own_name, await self._seen())]
            return
        async for members in self._members(self.settings.url, depth=1):
            yield [entry for one in members if (entry := self._entry(one)) is not None]

    async def pieces(self, entry: Entry) -> AsyncGenerator[bytes, None]:
        """The bytes; an answer that breaks off is gone on with where the file has a tag and still bears it."""
        came, tag, attempt = 0, "", 1
        while True:
            wanted = {"Range": f"bytes={came}-", "If-Range": tag} if came else {}
            try:
                async with self._asked("GET", self._url(entry), headers=wanted) as answer:
                    skip, tag = self._require_same(answer, entry, came, tag), _strong(answer)
                    async for piece in answer.aiter_raw():  # in pieces of a set size the last would be lost
                        fresh = piece[skip:]
                        skip -= len(piece) - len(fresh)
                        came += len(fresh)
                        if fresh:
                            yield fresh
                    return
            except httpx.TransportError:
                if not (came and tag) or attempt >= self.settings.attempts:
                    raise
            await self._pause(attempt)
            attempt += 1

    async def look(self, entry: Entry) -> list[Any]:
        """How it looks now."""
        if not self.settings.folder:
            return await self._seen()
        found = [one async for members in self._members(self._url(entry), depth=0) for one in members]
        return _look(found[0].bytes, found[0].changed, found[0].tag, self.began) if len(found) == 1 else []

    def trouble(self, error: Exception) -> str:
        """What a status or an error of the network says."""
        if isinstance(error, NotGot):
            return STATUS.get(error.status, "other")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL | httpx.UnsupportedProtocol):
            return "away"
        if isinstance(error, NoListing):
            return "listing"
        return "cut" if isinstance(error, httpx.HTTPError) else ""

    async def _seen(self) -> list[Any]:
        """The one file, by its head; where a server gives none, by the beginning of an answer."""
        try:
            async with self._asked("HEAD", self.settings.url) as answer:
                return self._described(answer)
        except NotGot:
            async with self._asked("GET", self.settings.url) as answer:
                return self._described(answer)

    def _described(self, answer: httpx.Response) -> list[Any]:
        headers = answer.headers
        return _look(headers.get("Content-Length", ""), headers.get("Last-Modified", ""), headers.get("ETag", ""), self.began)

    async def _members(self, url: str, depth: int) -> AsyncGenerator[Sequence[Member], None]:
        listing = Listing()
        try:
            headers = {"Depth": str(depth), "Content-Type": "application/xml"}
            async with self._asked("PROPFIND", url, headers=headers, content=ASKED) as answer:
                if answer.status_code != 207:
                    raise NoListing(f"HTTP {answer.status_code}")
                async for piece in answer.aiter_raw(PIECE):
                    yield listing.read(piece)
                listing.end()
        except NotGot as trouble:
            if trouble.status in (405, 501):
                raise NoListing(trouble.problem) from trouble
            raise

    def _entry(self, member: Member) -> Entry | None:
        """A member below the folder; None for the folder itself."""
        folder = unquote(urlsplit(self.settings.url).path, errors="surrogateescape").rstrip("/") + "/"
        path = unquote(urlsplit(member.href).path, errors="surrogateescape")
        if path.rstrip("/") + "/" == folder:
            return None
        if not path.startswith(folder):
            raise NoListing(f"{path!r} is not below {folder!r}")
        name = path.removeprefix(folder).rstrip("/")
        kind: Kind = "folder" if member.folder else "other" if "/" in name or name in (".", "..") else "file"
        return Entry(name, _look(member.bytes, member.changed, member.tag, self.began), kind)

    @asynccontextmanager
    async def _asked(self, method: str, url: str, **more: Any) -> AsyncIterator[httpx.Response]:
        """An answer that is one: redirects within the host are followed, a busy server is asked again."""
        attempt, hops = 1, 0
        while True:
            async with self.client.stream(method, url, **more) as answer:
                if answer.has_redirect_location and hops < REDIRECTS:
                    url, hops = self._same_host(answer), hops + 1
                    continue
                if answer.status_code not in AGAIN or attempt >= self.settings.attempts:
                    if not answer.is_success:
                        raise NotGot(f"HTTP {answer.status_code}", answer.status_code)
                    yield answer
                    return
            await self._pause(attempt, answer.headers.get("Retry-After", ""))
            attempt += 1

    def _same_host(self, answer: httpx.Response) -> str:
        here, there = answer.url, answer.url.join(answer.headers["Location"])
        encrypted = here.copy_with(scheme="https") if here.scheme == "http" and here.port is None else here
        if any((one.scheme, one.host, one.port) == (there.scheme, there.host, there.port) for one in (here, encrypted)):
            return str(there)
        raise ChannelFailed(
            f"{here.host} 把请求转往 {there.scheme}://{there.host}，不跟随；确应从那里取的，请把通道的地址改为它。",
            f"{here.host} sends the request on to {there.scheme}://{there.host}, which is not followed; where the file is to "
            "be had there, make that the channel's address.",
        )

    def _require_same(self, answer: httpx.Response, entry: Entry, came: int, tag: str) -> int:
        """How many bytes of an answer are here already. ChannelFailed, where it is not of the file that was begun."""
        if packed := answer.headers.get("Content-Encoding", "").replace("identity", ""):
            raise self.failed("other", entry.name, f"Content-Encoding: {packed}")
        if not came:
            return 0
        partial = answer.status_code == 206
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {came}-")
        if _strong(answer) != tag or (partial and not goes_on):
            raise self.failed("changed", entry.name)
        return 0 if partial else came

    async def _pause(self, attempt: int, retry_after: str = "") -> None:
        wanted = float(retry_after) if retry_after.isdigit() else self.settings.backoff * 2 ** (attempt - 1)
        await asyncio.sleep(min(wanted, LONGEST_WAIT, self.settings.timeout / 2))

    @property
    def _own_name(self) -> str:
        return unquote(urlsplit(self.settings.url).path.rpartition("/")[2], errors="surrogateescape") or "file"

    def _url(self, entry: Entry) -> str:
        if not self.settings.folder:
            return self.settings.url
        return f"{self.settings.url.rstrip('/')}/{quote(entry.name.encode('utf-8', 'surrogateescape'), safe='')}"


class WebdavChannel(ElsewhereChannel[WebdavSettings]):
    """One file over HTTP, or those of a WebDAV folder, each once, changed ones again."""

    kind = "webdav"
    title = ("HTTP 文件或 WebDAV 文件夹", "File over HTTP, or WebDAV folder")
    settings_model = WebdavSettings
    remote_shelf = WebShelf


def _look(size: str, changed: str, tag: str, began: int) -> list[Any]:
    """A file's size, time and tag; one that has neither time nor tag is another one each time that it is asked for."""
    try:
        seconds = int(parsedate_to_datetime(changed).timestamp()) if changed else 0
    except (ValueError, OverflowError):
        seconds = 0
    return [int(size) if size.isdecimal() and size.isascii() else -1, seconds if seconds or tag else began, tag]


def _strong(answer: httpx.Response) -> str:
    """The tag by which two answers are known to be of the very same bytes; "" where there is none."""
    tag: str = answer.headers.get("ETag", "")
    return "" if tag.startswith("W/") else tag
