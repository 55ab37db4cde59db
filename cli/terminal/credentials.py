"""The key that `hub login` keeps on this machine: in the system's keyring where one works, else in a private file."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from contracts.errors import HubError

SERVICE = "hui"
FILE, RING = "file", "keyring"


class LooseFile(HubError):
    """Others on this machine can read the kept key."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} 可被本机其他用户读取，其中的密钥不予使用；请执行 chmod 600 {path}，并收回该密钥。",
            f"{path} can be read by others on this machine, so its key is not used; run chmod 600 {path}, and revoke the key.",
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A key kept for an installation, and where."""

    key: str
    place: str
    """FILE or RING."""


def path() -> Path:
    """The file that says for which installation a key is kept, and holds it where no keyring works."""
    return Path(typer.get_app_dir(SERVICE)) / "logins.json"


def keep(home: Path, key: str) -> Kept:
    """Keep a key for the installation in `home`, in the place of the one there was."""
    saved = Kept(key, RING if _put_in_ring(str(home), key) else FILE)
    entry = {"place": saved.place} | ({"key": key} if saved.place == FILE else {})
    _write(_entries() | {str(home): entry})
    return saved


def kept(home: Path) -> Kept | None:
    """The key kept for the installation in `home`."""
    entry = _entries().get(str(home))
    if entry is None:
        return None
    if entry["place"] == RING:
        key = _from_ring(str(home))
        return Kept(key, RING) if key else None
    return Kept(str(entry["key"]), FILE)


def forget(home: Path) -> bool:
    """Forget the key of the installation in `home`; whether there was one."""
    entries = _entries()
    entry = entries.pop(str(home), None)
    if entry is None:
        return False
    if entry["place"] == RING:
        _delete_from_ring(str(home))
    _write(entries)
    return True


def _entries() -> dict[str, dict[str, Any]]:
    file = path()
    try:
        if file.stat().st_mode & 0o077:
            raise LooseFile(file)
        entries = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(entries: dict[str, dict[str, Any]]) -> None:
    """Written beside it and moved: never half, never readable by others, not for a moment."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as text:
        json.dump(entries, text, indent=1)
    os.replace(beside, file)


def _put_in_ring(home: str, key: str) -> bool:
    """Whether a keyring of the system took it and gives it back."""
    import keyring  # 0.1 s, and only who signs in needs it

    try:
        keyring.set_password(SERVICE, home, key)
        return keyring.get_password(SERVICE, home) == key
    except Exception:  # no keyring, a locked one, no session bus: each backend fails in its own way
        return False


def _from_ring(home: str) -> str:
    import keyring

    try:
        return keyring.get_password(SERVICE, home) or ""
    except Exception:  # as above; then nobody is signed in
        return ""


def _delete_from_ring(home: str) -> None:
    from contextlib import suppress

    import keyring

    with suppress(Exception):  # as above; it is in no keyring that answers
        keyring.delete_password(SERVICE, home)
