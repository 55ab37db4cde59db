"""A pack on its way in: a folder or a zip file is copied, nothing of it is run, and only data and SQL are taken."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from contracts.packs.errors import InvalidPack, fault
from contracts.packs.manifest import MANIFEST

FILES, FILE_BYTES, BYTES, DEPTH = 2_000, 10 << 20, 50 << 20, 6
"""Limits: a province's pack has fifty files of together 200 KB."""
KINDS = frozenset({".yaml", ".yml", ".sql", ".md", ".txt", ".csv", ".json"})
PLAIN = frozenset({"LICENSE", "LICENCE", "NOTICE", "README"})


def take(source: Path, target: Path) -> None:
    """Copy a pack, from a folder or a zip file, into an empty folder. Errors: InvalidPack."""
    if source.is_dir():
        _copy_folder(source, target)
    elif source.is_file() and zipfile.is_zipfile(source):
        _unzip(source, target)
    else:
        raise fault(f"{source.name} 既不是文件夹，也不是 .zip 文件。", f"{source.name} is neither a folder nor a .zip file.")


def digest(folder: Path) -> str:
    """SHA-256 of names and bytes of all files: equal for equal packs, whichever way they came."""
    total = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _copy_folder(source: Path, target: Path) -> None:
    if not (source / MANIFEST).is_file():
        raise _no_manifest(source.name)
    space = _Space()
    for path in _below(source):
        if path.is_symlink():
            raise fault(f"{path.name} 是链接；包中只能有文件。", f"{path.name} is a link; a pack holds files only.")
        if path.is_file():
            name = PurePosixPath(path.relative_to(source).as_posix())
            with path.open("rb") as stream:
                space.write(name, stream, target)


def _below(folder: Path) -> Iterator[Path]:
    """What is in a folder, without hidden files; a link is named and not followed."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _unzip(source: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            _members(archive, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise fault(f"{source.name} 无法解开：{error}", f"{source.name} cannot be unpacked: {error}") from error


def _members(archive: zipfile.ZipFile, target: Path) -> None:
    members = [one for one in archive.infolist() if not one.is_dir() and not _hidden(one.filename)]
    names = [_safe(one) for one in members]
    tops = {name.parts[0] for name in names if len(name.parts) > 1}
    below = PurePosixPath(*tops) if len(tops) == 1 and all(len(name.parts) > 1 for name in names) else PurePosixPath()
    if below / MANIFEST not in names:
        raise _no_manifest(Path(archive.filename or "zip").name)
    space = _Space()
    for member, name in zip(members, names, strict=True):
        with archive.open(member) as stream:
            space.write(name.relative_to(below), stream, target)


def _hidden(name: str) -> bool:
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in name.split("/"))


def _safe(member: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(member.filename)
    climbs = name.is_absolute() or ".." in name.parts or "\\" in member.orig_filename or ":" in member.filename
    if climbs or stat.S_ISLNK(member.external_attr >> 16) or not name.parts:
        shown = member.filename[:100]
        raise fault(
            f"压缩包中的「{shown}」指向包外，或是链接。", f"{shown!r} in the archive leads out of the pack, or is a link."
        )
    return name


class _Space:
    """Writes files while they stay within the limits."""

    def __init__(self) -> None:
        self.files = self.bytes = 0

    def write(self, name: PurePosixPath, stream: IO[bytes], target: Path) -> None:
        """One file of the pack; what it holds is counted as it comes, whatever an archive claims."""
        _require_kind(name)
        self.files += 1
        path = target / name
        if path.exists() or len(name.parts) > DEPTH or self.files > FILES:
            raise self._too_much(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            room = min(FILE_BYTES, BYTES - self.bytes)
            text = stream.read(room + 1)
            if len(text) > room:
                raise self._too_much(name)
            out.write(text)
            self.bytes += len(text)

    def _too_much(self, name: PurePosixPath) -> InvalidPack:
        return fault(
            f"{name}：重复，或超出限度（{FILES:,} 个文件、单个 {FILE_BYTES >> 20} MB、共 {BYTES >> 20} MB、{DEPTH} 层）。",
            f"{name}: twice there, or beyond the limits ({FILES:,} files, {FILE_BYTES >> 20} MB each, {BYTES >> 20} MB in all, "
            f"{DEPTH} folders deep).",
        )


def _require_kind(name: PurePosixPath) -> None:
    if name.suffix.lower() in KINDS or (not name.suffix and name.name.upper() in PLAIN):
        return
    raise fault(
        f"{name}：包只含数据和 SQL（{'、'.join(sorted(KINDS))}），不含程序。",
        f"{name}: a pack holds data and SQL ({', '.join(sorted(KINDS))}), no programs.",
    )


def _no_manifest(name: str) -> InvalidPack:
    return fault(f"{name} 中没有 {MANIFEST}。", f"{name} has no {MANIFEST}.")
