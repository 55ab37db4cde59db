"""Payloads of messages, each kind as devices send it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.readings import Payload, Reader, Unreadable, pattern
from contracts.clock import now

RECEIVED = "2026-03-01T00:00:00+00:00"
TOPIC = "water/D1/level"


def rows(payload: bytes | str, kind: Payload = "json", topics: str = "#", **more: Any) -> list[Any]:
    told = payload.encode() if isinstance(payload, str) else payload
    lines = Reader([pattern(topics)], kind, **more).lines(TOPIC, told, RECEIVED)
    assert lines.endswith(b"\n")
    return [json.loads(line) for line in lines.split(b"\n")[:-1]]


@pytest.mark.parametrize(
    ("payload", "kind", "more"),
    [
        (b"\xff{}", "json", {}),
        (b"", "json", {}),
        (b'{"a": 1', "json", {}),
        (b'{"a": "\x00"}', "json", {}),
        (b"{}{}", "json", {}),
        (b"[1, 2]", "json", {}),
        (b"[]", "json", {}),
        (b"21.5", "json", {}),
        (b"[" * 100_000 + b"]" * 100_000, "json", {}),
        (b'{"data": 3}', "json", {"records": "data.list"}),
        (b"a,b,c", "csv", {"csv_columns": ("x", "y")}),
        (b'"a,b', "csv", {"csv_columns": ("x", "y")}),
        (b'[{"n": "t", "t": "soon", "v": 1}]', "senml", {}),
        (b'[{"n": "t", "x": 1}]', "senml", {}),
        (b'[{"bn": "t"}]', "senml", {}),
        (b'[{"n": "t", "t": 1e300, "v": 1}]', "senml", {}),
    ],
)
def test_what_is_not_as_the_settings_say_is_unreadable(payload: bytes, kind: Payload, more: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        rows(payload, kind, **more)
    line = Reader([pattern("#")]).unread(TOPIC, payload)
    assert line.count(b"\n") == 1
    assert json.loads(line).startswith(f"{TOPIC} ")


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())))
def test_an_object_is_one_line_with_the_topics_columns(record: dict[str, Any]) -> None:
    for indent in (None, 1):
        (row,) = rows(json.dumps(record, indent=indent), topics="water/+device/+quantity")
        assert (row["device"], row["quantity"]) == ("D1", "level")
        if indent is None:
            assert row == record | {"device": "D1", "quantity": "level"}


def test_a_list_is_a_line_for_each_of_its_objects_wherever_it_stands() -> None:
    told = '{"gateway": "G1", "data": {"list": [{"a": 1.10}, {"a": {"b": true}}]}}'
    assert rows(told, records="data.list") == [{"a": "1.10"}, {"a.b": "true"}]
    assert rows('[{"a": null}, {"a": "\\n"}]') == [{"a": None}, {"a": "\n"}]


def test_columns_that_the_hub_adds() -> None:
    (row,) = rows("{}", topic_column="topic", received_column="received_at")
    assert row == {"received_at": RECEIVED, "topic": TOPIC}


def test_lines_of_csv_and_a_bare_value() -> None:
    columns = ("at", "value", "note")
    told = '2026-03-01,1.50,"a ""b"", c"\r\n2026-03-02,,'
    first, second = rows(told, "csv", csv_columns=columns)
    assert first == {"at": "2026-03-01", "value": "1.50", "note": 'a "b", c'}
    assert second == {"at": "2026-03-02", "value": "", "note": ""}
    assert rows(" 21.50\n", "value") == [{"value": "21.50"}]


def test_senml_as_its_standard_resolves_it() -> None:
    """RFC 8428, 5.1.2 and 5.1.3."""
    told = """[{"bn": "urn:dev:ow:10e2073a01080063", "bt": 1.320067464e+09, "bu": "%RH", "v": 20},
      {"u": "lon", "v": 24.30621}, {"t": 60, "v": 20.3}, {"n": "door", "vb": false, "bv": 1}, {"t": 1, "v": 2}]"""
    first, second, third, fourth, fifth = rows(told, "senml")
    assert first == {"name": "urn:dev:ow:10e2073a01080063", "time": "2011-10-31T13:24:24+00:00", "value": "20", "unit": "%RH"}
    assert (second["unit"], second["value"]) == ("lon", "24.30621")
    assert third["time"] == "2011-10-31T13:25:24+00:00"
    assert (fourth["name"], fourth["value"]) == ("urn:dev:ow:10e2073a01080063door", "false")
    assert fifth["value"] == "3"
    (ago,) = rows('[{"n": "t", "t": -60, "v": 1}]', "senml")
    assert abs(datetime.fromisoformat(ago["time"]) - (now() - timedelta(seconds=60))) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("told", "topic", "columns"),
    [
        ("a/+x/b", "a/1/b", {"x": "1"}),
        ("a/+x/b", "a/1/c", None),
        ("a/+x", "a/1/c", None),
        ("a/+/+x", "a/1/c", {"x": "c"}),
        ("a/#", "a", {}),
        ("+x/#", "q/b/c", {"x": "q"}),
        ("#", "q/b/c", {}),
        ("+设备/+", "泵 1/", {"设备": "泵 1"}),
    ],
)
def test_levels_that_have_names(told: str, topic: str, columns: dict[str, str] | None) -> None:
    assert pattern(told).columns(topic) == columns


def test_a_filter_is_what_a_broker_knows() -> None:
    assert pattern("water/+station/+quantity/#").filter == "water/+/+/#"
