"""Landing: bytes exactly as received, named by their hash. Nothing received is ever lost or changed."""

from __future__ import annotations

import errno
import hashlib
import os
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from contracts.errors import HubError
from warehouse.settings import Settings
from warehouse.storage.failpoints import reach

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

BLOCK = 1 << 20
MOVED = 8 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_SAID = ("No space left on device", "File too large", "Disk quota exceeded", "disk is full")


class DiskFull(HubError):
    """No room is left; nothing was half done."""


class MemoryFull(HubError):
    """The work needs more memory than it may have; nothing was half done."""


class FileUnreadable(HubError):
    """The delivered file is not there, or may not be read."""


class LandingLost(HubError):
    """Received bytes are not in landing any more, or have changed."""


@dataclass(frozen=True, slots=True)
class Landed:
    """Bytes in landing: their hash, their number, where they are."""

    sha256: str
    bytes: int
    path: Path


def land(settings: Settings, content: Path | Callable[[], Iterable[bytes]], *, follow_links: bool = True) -> Landed:
    """Copy a file, or bytes that come piece by piece, into landing while hashing them; synced to disk before their name
    appears. The same bytes are kept once.

    A path that others can write to is opened with `follow_links=False`: a link put there at the last moment is refused.
    """
    settings.landing.mkdir(parents=True, exist_ok=True)
    incoming = settings.landing / f".incoming-{uuid.uuid4().hex}"
    try:
        if isinstance(content, Path):
            sha256, size = _copy(content, incoming, follow_links)
        else:
            sha256, size = _write_pieces(content(), incoming)
        target = place(settings, sha256)
        if target.is_file() and target.stat().st_size == size:
            incoming.unlink()
        else:
            _settle(incoming, target)
    except BaseException:
        incoming.unlink(missing_ok=True)
        raise
    return Landed(sha256, size, target)


def place(settings: Settings, sha256: str) -> Path:
    """Where bytes of that hash lie, or would lie."""
    return settings.landing / sha256[:2] / sha256


LONGEST_NAME = 200
UNNAMED = "unnamed"
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that a name is told without: controls, and marks that turn the direction of what follows."""


def told_name(name: str) -> str:
    """A file's name for the records: its last part, without unseen characters, at most LONGEST_NAME letters, never empty.

    Bytes in it that are not UTF-8 are mostly GBK, from Windows. Whoever sends a file names it: `..`, `/`, 300 letters.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        name = (
            os.fsencode(name).decode("gb18030", "replace")
            if _of_this_machine(name)
            else name.encode("utf-8", "replace").decode()
        )
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    plain = "".join(letter for letter in last if unicodedata.category(letter) not in UNSEEN).strip()
    if plain in ("", ".", ".."):
        return UNNAMED
    suffix = "".join(Path(plain).suffixes[-2:])[-20:]
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - len(suffix)] + suffix


def _of_this_machine(name: str) -> bool:
    """Whether a name came from the file system (each byte that is not UTF-8 as a low surrogate)."""
    return all("\udc80" <= letter <= "\udcff" for letter in name if "\ud800" <= letter <= "\udfff")


def locate(settings: Settings, sha256: str) -> Path:
    """The landed file of that hash; LandingLost when it is gone."""
    path = place(settings, sha256)
    if not path.is_file():
        raise LandingLost(
            f"原始文件 {sha256} 不在 {settings.landing} 中；请从备份恢复（hub restore）。",
            f"The received file {sha256} is not in {settings.landing}; bring it back from a backup (hub restore).",
        )
    return path


def verify(settings: Settings, sha256: str) -> bool:
    """Whether landed bytes still have the hash they are named by."""
    digest = hashlib.sha256()
    with locate(settings, sha256).open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest() == sha256


def leftovers(settings: Settings) -> list[Path]:
    """Copies that were never finished. To be removed only under the writer lock, and only old ones: one may be going on."""
    return sorted(settings.landing.glob(".incoming-*"))


def disk_full(error: BaseException) -> bool:
    """Whether an error of Python, DuckDB or SQLite says that the disk (or a quota, or a file limit) is full."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    said = str(error).lower()
    return not isinstance(error, HubError) and any(word.lower() in said for word in FULL_SAID)


@contextmanager
def room_said(settings: Settings) -> Iterator[None]:
    """Turn "no space left" of any library, the catalogue's too, into `DiskFull`, DuckDB's memory limit into `MemoryFull`."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise MemoryFull(
            f"内存上限 {settings.memory_limit} 不够用，没有半途写入的数据；请调高 HUB_MEMORY_LIMIT 后重试。",
            f"The memory limit of {settings.memory_limit} is not enough; nothing was half done. "
            "Raise HUB_MEMORY_LIMIT and try again.",
        ) from error
    except Exception as error:
        if not disk_full(error):
            raise
        raise DiskFull(
            f"磁盘已满，本次没有写入任何数据。请为 {settings.root} 腾出空间（hub lake maintain）后重试。原因：{error}",
            f"The disk is full; nothing of this was written. Make room for {settings.root} (hub lake maintain) "
            f"and try again. Reason: {error}",
        ) from error


def _copy(path: Path, incoming: Path, follow_links: bool) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        source = open(path, "rb", buffering=0, opener=None if follow_links else _no_link)  # noqa: SIM115
    except OSError as error:
        raise FileUnreadable(f"无法读取 {path}：{error.strerror}。", f"{path} cannot be read: {error.strerror}.") from error
    with source, incoming.open("w+b", buffering=0) as target, ThreadPoolExecutor(1) as beside:
        hashed = []
        while count := _moved(source.fileno(), target.fileno()):
            hashed.append(beside.submit(_hash, digest, target.fileno(), size, count))
            size += count
            reach("landing-copy")
        os.fsync(target.fileno())
        for each in hashed:
            each.result()
    return digest.hexdigest(), size


def _write_pieces(pieces: Iterable[bytes], incoming: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with incoming.open("w+b", buffering=0) as target:
        for piece in pieces:
            _write(target.fileno(), memoryview(piece))
            digest.update(piece)
            size += len(piece)
            reach("landing-copy")
        os.fsync(target.fileno())
    return digest.hexdigest(), size


def _moved(source: int, target: int) -> int:
    """Bytes moved from where one file stands to where the other does: inside the kernel, where that has a way."""
    if hasattr(os, "copy_file_range"):
        try:
            if done := os.copy_file_range(source, target, MOVED):
                return done
        except OSError as error:
            if error.errno in FULL:
                raise
    block = os.read(source, BLOCK)  # not the last word on the end of a file above
    _write(target, memoryview(block))
    return len(block)


def _hash(digest: Hash, file: int, start: int, size: int) -> None:
    """What was written, read back: beside the copying of what follows."""
    buffer = memoryview(bytearray(min(size, BLOCK)))
    while size:
        count = os.preadv(file, [buffer[:size]], start)
        if not count:
            raise OSError(errno.EIO, "bytes that were written are not there")
        digest.update(buffer[:count])
        start, size = start + count, size - count


def _no_link(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW)


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _settle(incoming: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    incoming.chmod(0o400)
    reach("landing-rename")
    os.replace(incoming, target)
    for folder in (target.parent, target.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
