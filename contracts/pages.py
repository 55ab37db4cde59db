"""One page of an endpoint's answer, as who asks for it and who reads it tell each other; neither knows the other."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import HubError


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Where things stand in a page: dotted paths, as the channel's settings say; and what it may unpack to."""

    records: str = ""
    next: str = ""
    total: str = ""
    since_item: str = ""
    limit: int = 64 * 2**20
    coding: str = ""
    media: str = ""


@dataclass(frozen=True, slots=True)
class PageRead:
    """What a page held. `digest` is what its records are known by, `bytes` what it unpacked to."""

    records: int
    digest: str
    bytes: int
    next: str = ""
    total: int | None = None
    newest: str = ""


class NoPage(HubError):
    """What came is no page of records; its message is the reason alone, without where it came from."""


class PageTooLarge(NoPage):
    """A page that unpacks to more than its limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"展开后超过每页上限 {limit:,} 字节（通道 page_bytes 可调）",
            f"it unpacks to more than the {limit:,} bytes of a page (page_bytes in the channel)",
        )


class PageBroken(NoPage):
    """A page whose compression is broken: it may come whole when it is asked for again."""


def newer(known: str, value: str) -> str:
    """The greater of two values of a growing item; whole numbers by size, other text by order."""
    return max(known, value, key=lambda text: (len(text) if text.isdigit() else 0, text))
