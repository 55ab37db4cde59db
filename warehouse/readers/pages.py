"""One page of an endpoint's answer: unpacked within its limit, its records written as lines, the next address found.

What is told of it has no size of the sender's choosing: counts, a digest, and texts that are cut.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

from contracts.pages import NoPage, PageBroken, PageRead, PageRequest, PageTooLarge, newer

CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Content codings that are asked for, with zlib's word for each."""
MOST_CODINGS = 3
LONGEST = 8_000
"""Characters of an address, or of a growing item's value, that are taken."""


def read(page: Path, request: PageRequest, target: Path) -> PageRead:
    """Write the records of a page to `target`, one JSON text a line; numbers keep the digits they were sent with."""
    content = _unpacked(page.read_bytes(), request)
    body = _parsed(content, request.media)
    rows = _at(body, request.records)
    if not isinstance(rows, list):
        where = request.records or "/"
        raise NoPage(
            f"「{where}」处没有记录列表；请在协议的通道中更正 records",
            f"it has no list of records at {where!r}; mend `records` in the channel",
        )
    newest = ""
    with target.open("wb") as sink:
        for row in rows:
            sink.write(_line(row))
            if request.since_item:
                newest = newer(newest, str(_at(row, request.since_item) or "")[:LONGEST])
    return PageRead(len(rows), digest(rows), len(content), _following(body, request.next), _total(body, request.total), newest)


def digest(rows: list[Any]) -> str:
    """What a page's records are known by."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _unpacked(content: bytes, request: PageRequest) -> bytes:
    """The page without its content codings, the outermost first."""
    codings = [one.strip().lower() for one in request.coding.split(",") if one.strip().lower() not in ("", "identity")]
    if len(codings) > MOST_CODINGS or any(one not in CODINGS for one in codings):
        raise NoPage(
            f"压缩方式 {request.coding[:60]} 不受支持；请让接口用 gzip 或不压缩",
            f"it is packed as {request.coding[:60]}; have the endpoint use gzip, or nothing",
        )
    for coding in reversed(codings):
        content = _inflated(content, CODINGS[coding], request.limit)
    if len(content) > request.limit:
        raise PageTooLarge(request.limit)
    return content


def _inflated(content: bytes, bits: int, limit: int) -> bytes:
    """One coding taken off; several members stand one after the other, a deflate may lack its head."""
    if bits == CODINGS["deflate"] and content[:1] and content[0] & 0x0F != zlib.DEFLATED:
        bits = -bits
    unpacked = bytearray()
    try:
        while content:
            member = zlib.decompressobj(bits)
            unpacked += member.decompress(content, limit + 1 - len(unpacked))
            if len(unpacked) > limit:
                raise PageTooLarge(limit)
            if not member.eof:
                raise zlib.error("cut off")
            content = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise PageBroken("压缩数据损坏", "the compressed answer is broken") from error
    return bytes(unpacked)


def _parsed(content: bytes, media: str) -> Any:
    try:
        return json.loads(content, parse_float=str, parse_int=str)
    except RecursionError as error:
        raise NoPage("其 JSON 嵌套过深，无法读取；请联系提供方", "its JSON is nested too deep; ask the provider") from error
    except ValueError as error:
        web = "html" in media.lower() or content.lstrip()[:1] == b"<"
        what, what_en = ("一个网页", "a web page") if web else (str(error)[:200],) * 2
        raise NoPage(f"返回的不是 JSON：{what}", f"it is no JSON: {what_en}") from error


def _at(body: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _line(row: Any) -> bytes:
    """A record as one line; half characters, which UTF-8 cannot hold, stay escaped."""
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _following(body: Any, path: str) -> str:
    address = str(_at(body, path) or "") if path else ""
    if len(address) > LONGEST:
        raise NoPage(f"下一页的地址超过 {LONGEST:,} 字", f"the next page's address has more than {LONGEST:,} characters")
    return address


def _total(body: Any, path: str) -> int | None:
    """How many records the source says there are; None where it does not, or not as a number."""
    count = str(_at(body, path))[:20] if path else ""
    return int(count) if count.isascii() and count.isdigit() else None
