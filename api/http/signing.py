"""Secrets of this installation at the door: page marks that hide what they hold, links that cannot be altered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from contracts.errors import HubError
from warehouse.settings import Settings
from warehouse.storage.installation_key import secret


class SealBroken(HubError):
    """A page mark that was not made here, or was altered."""

    def __init__(self) -> None:
        super().__init__("翻页标记无效；请从第一页重新开始。", "The page mark is not valid; start from the first page.")


def seal(settings: Settings, told: Any) -> str:
    """A mark that only this installation can read: it may hold key values that the caller's view hides."""
    return _box(str(settings.root)).encrypt(json.dumps(told, default=_kept).encode()).decode().rstrip("=")


def opened(settings: Settings, mark: str) -> Any:
    """What a mark holds; SealBroken for any other text."""
    try:
        text = _box(str(settings.root)).decrypt((mark + "=" * (-len(mark) % 4)).encode("ascii"))
    except (InvalidToken, ValueError):
        raise SealBroken from None
    return json.loads(text, object_hook=_restored)


def sealed_name(settings: Settings, told: Any) -> str:
    """The same for a part of an address: the same content gives the same text (AES-SIV), so that caches may keep it."""
    text = _siv(str(settings.root)).encrypt(json.dumps(told, separators=(",", ":")).encode(), None)
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def opened_name(settings: Settings, text: str) -> Any:
    """What such a part holds; SealBroken for any other text."""
    try:
        raw = base64.urlsafe_b64decode((text + "=" * (-len(text) % 4)).encode("ascii"))
        return json.loads(_siv(str(settings.root)).decrypt(raw, None))
    except (InvalidTag, ValueError):
        raise SealBroken from None


def signature(settings: Settings, text: str) -> str:
    """HMAC-SHA-256 of a text, 43 characters."""
    made = hmac.new(secret(str(settings.root)), b"link\0" + text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def genuine(settings: Settings, text: str, signed: str) -> bool:
    """Whether a signature was made here for this text."""
    return hmac.compare_digest(signature(settings, text).encode(), signed.encode("utf-8", "replace"))


@lru_cache(maxsize=16)
def _box(root: str) -> Fernet:
    made = hmac.new(secret(root), b"page", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(made))


@lru_cache(maxsize=16)
def _siv(root: str) -> AESSIV:
    return AESSIV(hmac.new(secret(root), b"address", hashlib.sha512).digest())


def _kept(value: Any) -> dict[str, str]:
    for kind in (datetime, date, time):
        if isinstance(value, kind):
            return {
                f"__{kind.__name__}": (
                    value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
                ).isoformat()
            }
    if isinstance(value, Decimal):
        return {"__Decimal": str(value)}
    raise TypeError(f"a {type(value).__name__} in a page mark")


def _restored(told: dict[str, Any]) -> Any:
    if len(told) == 1:
        [(name, text)] = told.items()
        makers: dict[str, Callable[[str], Any]] = {
            "__datetime": datetime.fromisoformat,
            "__date": date.fromisoformat,
            "__time": time.fromisoformat,
            "__Decimal": Decimal,
        }
        if name in makers:
            return makers[name](text)
    return told
