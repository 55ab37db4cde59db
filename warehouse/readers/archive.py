"""gzip and zip around a data file: unpacked to scratch, with limits against bombs."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from contracts.errors import HubError
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
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
INSIDE = "!"
"""Between the name of an archive and that of a file in it."""
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which file of an archive is wanted, and how the archive is called; `inside`: the way to it from the outermost one."""

    member: str
    label: str
    inside: str = ""
    strict: bool = True


def unpack(path: Path, *, name: str = "", member: str = "", folder: Path, limit: int, strict: bool = True) -> Unpacked:
    """The innermost data file of a gzip or zip. `member` says which file of a zip: its name there, `inner.zip!its name`
    where it lies in a zip inside. Not `strict`: the only file of an archive is taken whatever it is called, as in the next
    month's delivery."""
    here, label, wanted, origin = path, name or path.name, member, ""
    scratch: list[Path] = []
    steps: list[str] = []
    evidence: list[Evidence] = []
    try:
        while kind := packing(here):
            if len(steps) >= MAX_DEPTH:
                raise _too_deep(name or path.name)
            target = scratch_file(folder, ".unpacked")
            scratch.append(target)
            if kind == "gzip":
                _gunzip(here, target, label, limit)
                label = label[:-3] if label.lower().endswith(".gz") else label
            else:
                label, wanted = _unzip(here, target, Wanted(wanted, label, origin, strict), limit)
                origin = f"{origin}{INSIDE}{label}" if origin else label
                evidence.append(Evidence(f"读取压缩包中的 {origin}", f"reads {origin} inside the archive"))
            steps.append(kind)
            here = target
    except BaseException:
        for paths in scratch:
            paths.unlink(missing_ok=True)
        raise
    return Unpacked(here, label, origin, tuple(steps), tuple(scratch), tuple(evidence))


def _too_deep(label: str) -> ArchiveRefused:
    return ArchiveRefused(
        f"{label} 的压缩嵌套超过 {MAX_DEPTH} 层。请解压后再提交。",
        f"{label} has archives nested more than {MAX_DEPTH} deep. Unpack it and hand in the file inside.",
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
                    _within(path.name, total, path.stat().st_size, min(limit, 4 << 30))


def _claims_much(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist()) > RATIO_FROM


def _gunzip(path: Path, target: Path, label: str, limit: int) -> None:
    try:
        with gzip.open(path, "rb") as stream:
            _copy(stream, target, label, path.stat().st_size, limit)  # type: ignore[arg-type]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveRefused(
            f"{label} 的 gzip 数据不完整或已损坏（{error}）。请重新传送该文件。",
            f"The gzip data of {label} is cut short or broken ({error}). Send the file again.",
        ) from error


def _unzip(path: Path, target: Path, wanted: Wanted, limit: int) -> tuple[str, str]:
    """Unpack a member; its name, and which file is wanted of an archive inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            chosen, rest = _choose(archive, wanted)
            with archive.open(chosen) as stream:
                _copy(stream, target, wanted.label, max(1, chosen.compress_size), limit)  # type: ignore[arg-type]
            return member_name(chosen), rest
    except RuntimeError as error:
        raise ArchiveRefused(
            f"{wanted.label} 设有密码。请提交未加密的文件。",
            f"{wanted.label} is locked with a password. Hand in a file without one.",
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ArchiveRefused(
            f"压缩包 {wanted.label} 已损坏或无法读取（{error}）。请重新传送。",
            f"The archive {wanted.label} is broken or cannot be read ({error}). Send it again.",
        ) from error


def member_name(part: zipfile.ZipInfo) -> str:
    """A member's name; archives made on Chinese Windows write it in GBK without saying so."""
    if part.flag_bits & 0x800:
        return part.filename
    try:
        return part.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return part.filename


def _choose(archive: zipfile.ZipFile, wanted: Wanted) -> tuple[zipfile.ZipInfo, str]:
    parts = [part for part in archive.infolist() if not part.is_dir() and not _ignored(part.filename)]
    label, member = wanted.label, wanted.member
    if len(parts) > MAX_MEMBERS:
        raise ArchiveRefused(
            f"{label} 中有 {len(parts)} 个文件。", f"{label} holds {len(parts)} files, more than {MAX_MEMBERS}."
        )
    if not parts:
        raise ArchiveRefused(f"{label} 是空的压缩包。", f"{label} is an archive without any file.")
    holders = [(part, "") for part in parts if member in _names(part)]
    holders = holders or [(part, member[len(n) + 1 :]) for part in parts for n in _names(part) if member.startswith(n + INSIDE)]
    if member and len({part.header_offset for part, _ in holders}) == 1:
        return holders[0]
    if len(parts) == 1 and not (member and wanted.strict):
        return parts[0], ""
    raise Undecided((_which(parts, wanted),))


def _names(part: zipfile.ZipInfo) -> tuple[str, ...]:
    return tuple(dict.fromkeys((member_name(part), part.filename, PurePosixPath(member_name(part)).name)))


def _which(parts: list[zipfile.ZipInfo], wanted: Wanted) -> Question:
    label, member = wanted.label, wanted.member
    missing = Said(f"{label} 中没有 {member}", f"{label} has no {member}") if member else None
    choices = sorted(parts, key=lambda part: -part.file_size)[:50]
    before = f"{wanted.inside}{INSIDE}" if wanted.inside else ""
    return Question(
        "--member",
        missing or Said(f"{label} 中有 {len(parts)} 个文件，读哪一个？", f"{label} holds {len(parts)} files; which one?"),
        tuple(Choice(before + member_name(p), Said(f"{p.file_size:,} 字节", f"{p.file_size:,} bytes")) for p in choices),
    )


def _ignored(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in IGNORED


def _copy(stream: BinaryIO, target: Path, label: str, packed: int, limit: int) -> None:
    total = 0
    with target.open("wb") as out:
        while block := stream.read(BLOCK):
            total += len(block)
            _within(label, total, packed, limit)
            out.write(block)


def _within(label: str, total: int, packed: int, limit: int) -> None:
    if total > limit or (total > RATIO_FROM and total > packed * MAX_RATIO):
        raise ArchiveRefused(
            f"{label} 解压后过大（已达 {total:,} 字节，压缩 {packed:,} 字节），疑似压缩炸弹，已拒绝。"
            "如属正常，请解压后提交或调高 HUB_MAX_UNPACKED_BYTES。",
            f"{label} unpacks to too much (already {total:,} bytes from {packed:,}) and may be a bomb; refused. "
            "If it is genuine, hand in the unpacked file or raise HUB_MAX_UNPACKED_BYTES.",
        )
