"""Files that lie elsewhere: asked for under limits of time and bytes, each received whole or not at all."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field

from channels import base
from channels.base import ChannelFailed, PasswordSettings, TimeUp
from channels.ports import Content
from channels.shelf import Entry, Shelf, ShelfChannel, ShelfSettings

PIECE, TURN_SECONDS = 1 << 20, 0.2
"""Bytes that are handed on together, where they come that fast; a slow source is not taken for a silent one."""
MOST_NAMES, MOST_FAILURES = 300_000, 20
"""Names in one place; files that cannot be had, after which no other is asked for."""
CLOSE_SECONDS = 5.0
POINTER, LONGEST_POINTER = b"version https://git-lfs.github.com/spec/", 1024
"""How a Git repository stands in for a large file that lies somewhere else again."""
LONGEST_REASON = 300

WORDS = {
    "account": ("账号、口令或密钥不被接受", "the account, its password or its key is not accepted",
                "请核对 user，以及口令、令牌或密钥的变量或文件",
                "check user, and the variable or file of the password, token or key"),
    "away": ("连接不上", "it cannot be reached",
             "请核对地址与端口，并请对方检查服务和网络",
             "check address and port, and have the provider look at server and network"),
    "time": ("对方沉默过久", "it fell silent",
             "请对方检查，或调高通道的 timeout", "have the provider look, or raise the channel's timeout"),
    "cut": ("连接在途中断开", "the connection broke off",
            "该文件没有收取，下次重新收取；若一再发生，请对方检查",
            "nothing was taken of this file, the next run takes it anew; if it goes on, have the provider look"),
    "nowhere": ("没有这个文件夹或文件", "there is no such folder or file", "请与对方核对", "check it with the provider"),
    "rights": ("无权读取", "it may not be read", "请对方授予读取权限", "have the provider grant the right to read it"),
    "changed": ("收取途中有变化，未收取", "it changed while it was fetched; nothing was taken of it",
                "写完后下次自动收取", "the next run takes it once it is finished"),
    "pointer": ("是 Git LFS 的指针，不是文件本身，未收取", "is a pointer of Git LFS, not the file itself; nothing was taken",
                "请提供文件本身的地址", "take the address of the file itself"),
    "room": ("超过一次收取的上限，未收取", "is more than one fetch may take; nothing was taken of it",
             "下次继续；单个文件超过上限时，请调高通道的 fetch_bytes",
             "the next run goes on; where this file alone is more, raise fetch_bytes in the channel"),
    "name": ("有不能使用的名称（空的一段，或 .、..），未收取", "a name there cannot be used (an empty part, or . or ..)",
             "请对方改名或移走", "have the provider rename it or move it away"),
    "listing": ("给出的不是 WebDAV 文件夹的列表", "gives no listing of a WebDAV folder",
                "文件夹的地址以 / 结尾，单个文件的地址不以 / 结尾；请与对方核对",
                "the address of a folder ends in /, that of a file does not; check it with the provider"),
    "many": (f"其中的名称超过 {MOST_NAMES:,} 个", f"it holds more than {MOST_NAMES:,} names",
             "请对方把旧文件移走", "have the provider move old files away"),
    "other": ("读取出错", "it cannot be read", "请与对方核对", "look at it with the provider"),
}  # fmt: skip
"""What can be wrong with a source, and what to do about it."""
GONE = ("account", "away", "time", "cut")
"""After these there is no sense in asking for the next file."""

Answer = TypeVar("Answer")


class ElsewhereSettings(ShelfSettings, PasswordSettings):
    """An account there, and how long and how much it may take; `timeout` is how long the source may be silent."""

    user: str = ""
    connect_seconds: float = Field(default=10, gt=0)
    timeout: float = Field(default=30, gt=0)
    fetch_seconds: float = Field(default=600, gt=0)
    fetch_bytes: int = Field(default=20 * 2**30, gt=0)


Elsewhere = TypeVar("Elsewhere", bound=ElsewhereSettings)


class Remote(Shelf, Generic[Elsewhere]):
    """A shelf that a library asks for, each answer within its time, all of them within the fetch's."""

    def __init__(self, settings: Elsewhere, home: Path, seconds: float) -> None:
        self.settings, self.home, self.room = settings, home, settings.fetch_bytes
        self.seconds = min(settings.fetch_seconds, seconds)
        self.until = time.monotonic() + self.seconds
        self.runner = asyncio.Runner()
        # What is left of a library's own tasks once it was cut off is nobody's to hear: the answer says what went wrong.
        self.runner.get_loop().set_exception_handler(lambda loop, context: None)
        self.failures = 0

    @property
    @abstractmethod
    def where(self) -> str:
        """What messages call it."""

    @abstractmethod
    def pages(self) -> AsyncGenerator[Sequence[Entry], None]:
        """What lies there, some at a time."""

    @abstractmethod
    def pieces(self, entry: Entry) -> AsyncGenerator[bytes, None]:
        """A file's bytes, some at a time."""

    @abstractmethod
    def trouble(self, error: Exception) -> str:
        """Which of WORDS an error of the library is; "" where it is none of the source's."""

    def reason(self, error: Exception) -> str:
        """An error of the library in its own words."""
        return str(error)

    async def connect(self) -> None:
        """Reach it."""

    async def disconnect(self) -> None:
        """Leave it."""

    def abort(self) -> None:
        """Leave it at once, saying nothing."""

    async def look(self, entry: Entry) -> list[Any]:
        """How a file looks after it came."""
        return entry.look

    def entries(self) -> Iterator[Entry]:
        """What lies there now."""
        pages, count = self.pages(), 0
        while (page := self.run(lambda: anext(pages, None))) is not None:
            count += len(page)
            if count > MOST_NAMES:
                raise self.failed("many")
            yield from page

    def content(self, entry: Entry) -> Content:
        """A file's bytes, asked for when they are wanted."""
        return lambda: self._whole(entry)

    def _whole(self, entry: Entry) -> Generator[bytes, None, None]:
        """The bytes of one file; ChannelFailed at the end where they are not all of it, or it changed meanwhile."""
        came, stream = 0, self.pieces(entry)
        self._require_room(entry, entry.bytes)
        try:
            while piece := self.run(lambda: _together(stream), entry.name):
                if not came and len(piece) <= LONGEST_POINTER and piece.startswith(POINTER):
                    raise self.failed("pointer", entry.name)
                self._require_room(entry, len(piece))
                came, self.room = came + len(piece), self.room - len(piece)
                yield piece
        finally:
            with suppress(ChannelFailed, RuntimeError):  # it may still hang in what was cut off
                self.run(stream.aclose)
        if (entry.bytes not in (came, -1)) or self.run(lambda: self.look(entry), entry.name) != entry.look:
            raise self.failed("changed", entry.name)

    def run(self, work: Callable[[], Awaitable[Answer]], name: str = "", seconds: float = 0) -> Answer:
        """One answer of the source. Errors: ChannelFailed, which says what to do."""
        try:
            return self.runner.run(self._answer(work, min(seconds or self.settings.timeout, self._left())))
        except ChannelFailed:
            raise
        except Exception as error:
            silent = "away" if seconds else "time"
            word = silent if isinstance(error, TimeoutError) else self.trouble(error)
            if not word:
                raise
            raise self.failed(word, name, self.reason(error)) from error

    def failed(self, word: str, name: str = "", reason: str = "") -> ChannelFailed:
        """What is wrong, in words; `reason` is the source's own."""
        self.failures += 1
        self.away = self.away or word in GONE or self.failures >= MOST_FAILURES
        zh, en, do, do_en = WORDS[word]
        where = f"{self.where} {base.remembered_name(name)}".strip()
        because = " ".join(reason.split())[:LONGEST_REASON]
        return ChannelFailed(
            f"{where} {zh}{f'（{because}）' if because else ''}；{do}。",
            f"{where}: {en}{f' ({because})' if because else ''}; {do_en}.",
        )

    def close(self) -> None:
        """Leave it, whatever state it is in."""
        with suppress(Exception):
            self.runner.run(self._answer(self.disconnect, CLOSE_SECONDS))
        self.runner.close()

    async def _answer(self, work: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
        """An answer within its time. A library that waits for the source even while it is cancelled is cut off from it."""
        answer = asyncio.ensure_future(work())
        if not (await asyncio.wait({answer}, timeout=seconds))[0]:
            self.abort()
            answer.cancel()
            await asyncio.wait_for(asyncio.gather(answer, return_exceptions=True), CLOSE_SECONDS)
            raise TimeoutError
        return answer.result()

    def _require_room(self, entry: Entry, size: int) -> None:
        if size > self.room:
            self.away = self.away or self.room < self.settings.fetch_bytes
            raise self.failed("room", entry.name)

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            self.away = True
            raise TimeUp(self.seconds)
        return left


class ElsewhereChannel(ShelfChannel[Elsewhere]):
    """Files of a place elsewhere, each once, changed ones again."""

    remote_shelf: ClassVar[type[Remote[Any]]]

    @property
    def seconds(self) -> float:
        """As its settings say."""
        return self.settings.fetch_seconds

    @contextmanager
    def shelf(self) -> Iterator[Remote[Elsewhere]]:
        """The place, reached; left afterwards whatever happens."""
        shelf = self.remote_shelf(self.settings, self.source.home, self.source.seconds)
        try:
            shelf.run(shelf.connect, seconds=self.settings.connect_seconds)
            yield shelf
        finally:
            shelf.close()


async def _together(stream: AsyncGenerator[bytes, None]) -> bytes:
    """What comes next of a file, in pieces that are worth a turn; nothing at its end."""
    pieces, size, until = list[bytes](), 0, time.monotonic() + TURN_SECONDS
    while size < PIECE and time.monotonic() < until and (piece := await anext(stream, None)) is not None:
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
