"""What a message holds, as lines of JSON: the fields of its payload, and the levels of its topic that have names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from contracts.clock import now
from contracts.inference.json_records import Number, flatten

Payload = Literal["json", "csv", "senml", "value"]
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
TOPICS_KEPT = 65_536
"""Topics whose columns are remembered."""
LONGEST_TOPIC = 65_535
RELATIVE = Decimal(2**28)
"""RFC 8428, 4.5.3: a time below it is meant from now."""


class Unreadable(Exception):
    """A payload that is not what the settings say."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A subscription whose levels may be columns: water/+station/+quantity."""

    levels: tuple[str, ...]

    @property
    def filter(self) -> str:
        """As a broker knows it: water/+/+."""
        return "/".join("+" if level.startswith("+") else level for level in self.levels)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that its levels are."""
        return tuple(level[1:] for level in self.levels if level.startswith("+") and len(level) > 1)

    def columns(self, topic: str) -> dict[str, str] | None:
        """What a topic's levels say; None where it is another's topic."""
        parts = topic.split("/")
        open_ended = self.levels[-1] == "#"
        fixed = self.levels[:-1] if open_ended else self.levels
        if len(parts) < len(fixed) or (len(parts) > len(fixed) and not open_ended):
            return None
        pairs = list(zip(fixed, parts, strict=False))
        if any(not level.startswith("+") and level != part for level, part in pairs):
            return None
        return {level[1:]: part for level, part in pairs if level.startswith("+") and len(level) > 1}


def pattern(text: str) -> Pattern:
    """A topic of the settings, checked. ValueError, in both languages."""
    levels = tuple(text.split("/"))
    names = [level for level in levels if level.startswith("+") and len(level) > 1]
    misplaced = any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#")
    if not text or "\0" in text or len(text.encode()) > LONGEST_TOPIC or misplaced or any("+" in one[1:] for one in levels):
        raise ValueError(f"主题 {text[:60]!r} 不成立；# 只能是最后一级，+ 只能在级首 / must be like water/+station/#")
    if text.startswith("$share/"):
        raise ValueError("不支持共享订阅 $share：消息会分给别的客户端 / must not be shared ($share): others get a part")
    if len(set(names)) < len(names):
        raise ValueError("同一主题中各级的列名不得重复 / name a column twice in one topic")
    return Pattern(levels)


@dataclass(frozen=True)
class Reader:
    """Payloads of one channel. A JSON object stays as it was written, closed again behind the columns of its topic."""

    patterns: Sequence[Pattern]
    payload: Payload = "json"
    csv_columns: Sequence[str] = ()
    records: str = ""
    topic_column: str = ""
    received_column: str = ""
    _ends: dict[str, bytes] = field(default_factory=dict)

    def lines(self, topic: str, payload: bytes, received: str) -> bytes:
        """The records of a message, a line each. Errors: Unreadable."""
        try:
            text = payload.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            raise Unreadable from None
        end = self._end(topic)
        if self.received_column:
            end = b",%s%s" % (_member(self.received_column, received), end)
        if self.payload == "json" and not self.records and text[:1] == "{" and text[-1:] == "}":
            _document(text)
            raw = text.encode()
            if not CONTROL.search(raw):
                return _closed(raw, end)
        records = list(self._records(text))
        if not records:
            raise Unreadable
        return b"".join(_closed(json.dumps(record, ensure_ascii=False).encode(), end) for record in records)

    def unread(self, topic: str, payload: bytes) -> bytes:
        """A line that is no record, with the bytes of what could not be read: it is set aside with them."""
        return json.dumps(f"{topic} {payload.decode('utf-8', 'backslashreplace')}", ensure_ascii=False).encode() + b"\n"

    def _end(self, topic: str) -> bytes:
        if (end := self._ends.get(topic)) is None:
            found = next((columns for one in self.patterns if (columns := one.columns(topic)) is not None), {})
            if self.topic_column:
                found = {**found, self.topic_column: topic}
            end = b"".join(b",%s" % _member(name, value) for name, value in found.items()) + b"}\n"
            if len(self._ends) >= TOPICS_KEPT:
                self._ends.clear()
            self._ends[topic] = end
        return end

    def _records(self, text: str) -> Iterator[Mapping[str, str | None]]:
        if self.payload == "value":
            yield {"value": text}
            return
        if self.payload == "csv":
            yield from _rows(text, self.csv_columns)
            return
        document = _document(text, parse_float=Number, parse_int=Number)
        for step in self.records.split(".") if self.records else ():
            document = document.get(step) if isinstance(document, dict) else None
        records = document if isinstance(document, list) else [document]
        if not all(isinstance(record, dict) for record in records):
            raise Unreadable
        yield from _resolved(records) if self.payload == "senml" else map(flatten, records)


def _document(text: str, **as_: Any) -> Any:
    try:
        return json.loads(text, **as_)
    except (ValueError, RecursionError):
        raise Unreadable from None


def _member(name: str, value: str) -> bytes:
    return f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}".encode()


def _closed(record: bytes, end: bytes) -> bytes:
    """A record's text with the columns behind its own: where both have one of that name, the topic's holds."""
    return record[:-1] + (end if record[1:-1].strip() else end.removeprefix(b","))


def _rows(text: str, names: Sequence[str]) -> Iterator[Mapping[str, str | None]]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if len(row) != len(names):
                raise Unreadable
            yield dict(zip(names, row, strict=True))
    except csv.Error:
        raise Unreadable from None


def _resolved(records: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, str | None]]:
    """Records of SenML (RFC 8428) with their base values worked in: name, unit, time, value."""
    base: dict[str, Any] = {}
    for record in records:
        base |= {name: value for name, value in record.items() if name in ("bn", "bt", "bu", "bv")}
        kinds = [name for name in ("v", "vs", "vb", "vd") if name in record]
        if not kinds:
            if "s" in record or not set(record) - {"bn", "bt", "bu", "bv", "bs", "bver"}:
                continue
            raise Unreadable
        value = record[kinds[0]]
        if kinds == ["v"] and "bv" in base:
            value = str(_number(base["bv"]) + _number(value))
        flat = flatten({"value": value, "unit": record.get("u", base.get("bu"))})
        time = _instant(_number(base.get("bt", 0)) + _number(record.get("t", 0)))
        yield {"name": f"{base.get('bn', '')}{record.get('n', '')}", "time": time, **flat}


def _number(value: object) -> Decimal:
    try:
        number = Decimal(value.text if isinstance(value, Number) else str(value))
    except InvalidOperation:
        raise Unreadable from None
    if not number.is_finite():
        raise Unreadable
    return number


def _instant(seconds: Decimal) -> str:
    start = datetime(1970, 1, 1, tzinfo=UTC) if seconds >= RELATIVE else now()
    try:
        return (start + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()
    except OverflowError:
        raise Unreadable from None
