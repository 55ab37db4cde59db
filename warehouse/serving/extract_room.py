"""How much disk extracts take: a ceiling that holds while they are in use as well, and room of the disk that stays free.

A file that is put away is no loss: who has a link to it is sent it while it is cut again, with the same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from contracts.clock import machine
from contracts.errors import HubError
from warehouse.settings import Settings

UNUSED_SECONDS = 86_400.0
"""What is known of files whose bytes are gone is forgotten when nobody asked for it so long."""
LEFT_SECONDS = 3_600.0
"""What a killed process left half made is removed when it is so old."""


class NoRoom(HubError):
    """The disk has no room for another file of data that is downloaded."""

    seconds = 60
    """After which it is worth asking again."""

    def __init__(self, settings: Settings) -> None:
        left, kept = free(settings) >> 20, settings.free_bytes >> 20
        super().__init__(
            f"磁盘余量不足（剩 {left} MB，须留 {kept} MB），无法生成下载文件；请管理员腾出空间，或调低 HUB_FREE_BYTES。",
            f"The disk is short of room ({left} MB left, {kept} MB are to stay free): no file can be cut for a download. "
            "The administrator makes room, or lowers HUB_FREE_BYTES.",
        )


def root(settings: Settings) -> Path:
    """Folder of all extracts."""
    return settings.root / "cache" / "extracts"


def free(settings: Settings) -> int:
    """Bytes that the disk of the extracts has left."""
    return shutil.disk_usage(settings.root).free


def make(settings: Settings, more: int = 0) -> int:
    """Put files away, those used longest ago first, until so many bytes more have room: within HUB_EXTRACT_BYTES, and with
    HUB_FREE_BYTES left on the disk. Returns bytes freed; NoRoom where all that could go is gone and the disk is short."""
    top = root(settings)
    top.mkdir(parents=True, exist_ok=True)
    freed = 0
    with FileLock(top / "room.lock"):
        _sweep(top)
        files, growing = list(_files(top)), sum(_size(path) for path in top.glob("*/*/*.growing"))
        total = sum(size for _, size, _ in files) + growing
        for _, size, path in sorted(files):
            if total + more <= settings.extract_bytes and free(settings) - more >= settings.free_bytes:
                break
            path.unlink(missing_ok=True)
            total, freed = total - size, freed + size
    if more and free(settings) - more < settings.free_bytes:
        raise NoRoom(settings)
    return freed


def _files(top: Path) -> Iterator[tuple[float, int, Path]]:
    """When it was used last, its bytes, and where it is."""
    for path in top.glob("*/*/*.parquet"):
        told = path.with_suffix(".json")
        with suppress(OSError):
            used = told.stat().st_mtime if told.is_file() else 0.0
            yield used, path.stat().st_size, path


def _sweep(top: Path) -> None:
    """Remove what killed processes left, extracts of another form, and what is known of files that nobody asks for."""
    now = machine().timestamp()
    for path in top.glob("*/*/*.growing"):
        if now - _changed(path) > LEFT_SECONDS:
            path.unlink(missing_ok=True)
    for folder in top.glob("*/*"):
        with suppress(OSError):
            if folder.is_dir() and now - max(map(_changed, (folder, *folder.iterdir()))) > (
                LEFT_SECONDS if folder.name.startswith(".") else UNUSED_SECONDS
            ):
                shutil.rmtree(folder, ignore_errors=True)


def _changed(path: Path) -> float:
    return os.stat(path).st_mtime


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
