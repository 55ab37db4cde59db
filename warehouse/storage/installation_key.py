"""The secret of this installation: 32 random bytes in HUB_HOME, from which its marks and links are made."""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=16)
def secret(root: str) -> bytes:
    """The bytes, made once, readable by their owner only; several processes agree on one."""
    path = Path(root) / "sharing.key"
    if not path.exists():
        making = path.with_name(f".sharing.key-{os.getpid()}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(making, path)
        except FileExistsError:
            pass
        finally:
            making.unlink()
    return path.read_bytes()
