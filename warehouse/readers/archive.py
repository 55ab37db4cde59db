"""gzip and zip around a data file: unpacked to scratch, with limits against bombs."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from contracts.errors import HubError
from contracts.evidence import Choice, Evidence, Question, Said, Undecided
from warehouse.readers.scratch import scratch_file

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
MAX_DEPTH = 3
"""Archives inside archives: data.csv.gz inside a zip inside a zip is the most anyone sends."""
MAX_RATIO = 250
RATIO_FROM = 256 << 20
"""The ratio counts only from this size on; repetitive text reaches 1:100, a bomb 1:1000."""
MAX_MEMBERS = 10_000
BLOCK = 1 << 20
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
WORKBOOK_MEMBERS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml", "[Content_Types].xml")


class ArchiveRefused(HubError):
    """An archive that is broken, locked with a password, or unpacks to more than is allowed."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The data file inside; `path` is the file itself where nothing was packed."""

    path: Path
    name: str
    member: str = ""
    steps: tuple[str, ...] = ()
    scratch: tuple[Path, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def unpack(path: Path, *, name: str = "", member: str = "", folder: Path, limit: int) -> Unpacked:
    """The innermost data file of a gzip or zip; `member` says which file of a zip (its name there)."""
    here, label, told = path, name or path.name, ""
    scratch: list[Path] = []
    steps: list[str] = []
    evidence: list[Evidence] = []
    for _depth in range(MAX_DEPTH + 1):
        kind = packing(here)
        if not kind:
            return Unpacked(here, label, told, tuple(steps), tuple(scratch), tuple(evidence))
        target = scratch_file(folder, ".unpacked")
        scratch.append(target)
        try:
            if kind == "gzip":
                label = label[:-3] if label.lower().endswith(".gz") else label
                _gunzip(here, target, limit)
            else:
                told = label = _unzip(here, target, member, limit)
                evidence.append(Evidence(f"读取压缩包中的 {told}", f"reads {told} inside the archive"))
        except BaseException:
            for made in scratch:
                made.unlink(missing_ok=True)
            raise
        steps.append(kind)
        here = target
    for made in scratch:
        made.unlink(missing_ok=True)
    raise ArchiveRefused(
        f"{path.name} 的压缩嵌套超过 {MAX_DEPTH} 层。请解压后再提交。",
        f"{path.name} has archives nested more than {MAX_DEPTH} deep. Unpack it and hand in the file inside.",
    )


def packing(path: Path) -> str:
    """gzip, zip or nothing; an Excel or OpenDocument workbook is a zip that is not unpacked."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith((ZIP, EMPTY_ZIP)):
        return "" if is_workbook(path) else "zip"
    return ""


def is_workbook(path: Path) -> bool:
    """Whether a zip is a workbook (xlsx, xlsb, ods)."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
    return "xl/workbook.xml" in names or "xl/workbook.bin" in names or {"content.xml", "mimetype"} <= names


def check_workbook(path: Path, limit: int) -> None:
    """Refuse a workbook that is a bomb: its parts are counted as they unpack, whatever its directory claims."""
    if path.stat().st_size < BLOCK and not _claims_much(path):
        return
    with zipfile.ZipFile(path) as archive:
        total = 0
        for part in archive.infolist():
            with archive.open(part) as stream:
                while block := stream.read(BLOCK):
                    total += len(block)
                    _within(path, total, path.stat().st_size, min(limit, 4 << 30))


def _claims_much(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist()) > RATIO_FROM


def _gunzip(path: Path, target: Path, limit: int) -> None:
    try:
        with gzip.open(path, "rb") as stream:
            _copy(stream, target, path, path.stat().st_size, limit)  # type: ignore[arg-type]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveRefused(
            f"{path.name} 的 gzip 数据不完整或已损坏（{error}）。请重新传送该文件。",
            f"The gzip data of {path.name} is cut short or broken ({error}). Send the file again.",
        ) from error


def _unzip(path: Path, target: Path, member: str, limit: int) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _choose(archive, member, path.name)
            with archive.open(chosen) as stream:
                _copy(stream, target, path, max(1, chosen.compress_size), limit)  # type: ignore[arg-type]
            return member_name(chosen)
    except RuntimeError as error:
        raise ArchiveRefused(
            f"{path.name} 设有密码。请提交未加密的文件。", f"{path.name} is locked with a password. Hand in a file without one."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ArchiveRefused(
            f"压缩包 {path.name} 已损坏或无法读取（{error}）。请重新传送。",
            f"The archive {path.name} is broken or cannot be read ({error}). Send it again.",
        ) from error


def member_name(part: zipfile.ZipInfo) -> str:
    """A member's name; archives made on Chinese Windows write it in GBK without saying so."""
    if part.flag_bits & 0x800:
        return part.filename
    try:
        return part.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return part.filename


def _choose(archive: zipfile.ZipFile, member: str, label: str) -> zipfile.ZipInfo:
    parts = [part for part in archive.infolist() if not part.is_dir() and not _ignored(part.filename)]
    if len(parts) > MAX_MEMBERS:
        raise ArchiveRefused(
            f"{label} 中有 {len(parts)} 个文件。", f"{label} holds {len(parts)} files, more than {MAX_MEMBERS}."
        )
    found = [part for part in parts if member in {member_name(part), part.filename, PurePosixPath(member_name(part)).name}]
    if member and len(found) == 1:
        return found[0]
    if not member and len(parts) == 1:
        return parts[0]
    if not parts:
        raise ArchiveRefused(f"{label} 是空的压缩包。", f"{label} is an archive without any file.")
    raise Undecided((_which(parts, label, member),))


def _which(parts: list[zipfile.ZipInfo], label: str, member: str) -> Question:
    missing = Said(f"{label} 中没有 {member}", f"{label} has no {member}") if member else None
    choices = sorted(parts, key=lambda part: -part.file_size)[:50]
    return Question(
        "--member",
        missing or Said(f"{label} 中有 {len(parts)} 个文件，读哪一个？", f"{label} holds {len(parts)} files; which one?"),
        tuple(Choice(member_name(p), Said(f"{p.file_size:,} 字节", f"{p.file_size:,} bytes")) for p in choices),
    )


def _ignored(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in IGNORED


def _copy(stream: BinaryIO, target: Path, label: Path, packed: int, limit: int) -> None:
    total = 0
    with target.open("wb") as out:
        while block := stream.read(BLOCK):
            total += len(block)
            _within(label, total, packed, limit)
            out.write(block)


def _within(label: Path, total: int, packed: int, limit: int) -> None:
    if total > limit or (total > RATIO_FROM and total > packed * MAX_RATIO):
        raise ArchiveRefused(
            f"{label.name} 解压后过大（已达 {total:,} 字节，压缩 {packed:,} 字节），疑似压缩炸弹，已拒绝。"
            "如属正常，请解压后提交或调高 HUB_MAX_UNPACKED_BYTES。",
            f"{label.name} unpacks to too much (already {total:,} bytes from {packed:,}) and may be a bomb; refused. "
            "If it is genuine, hand in the unpacked file or raise HUB_MAX_UNPACKED_BYTES.",
        )
