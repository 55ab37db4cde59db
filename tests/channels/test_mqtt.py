"""A real Mosquitto: what was received is acknowledged and comes once, whoever dies; what is unreadable stands in no way."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlmodel import select

from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from catalog.lineage.graph import LineageEvent
from channels.base import ChannelFailed
from channels.broker import Connection, Login, address
from channels.mqtt import MqttChannel
from channels.ports import Arrival, Received
from channels.readings import Reader
from channels.unacknowledged import Recent
from contracts.odcs import loader
from hub import sources
from hub.hub import Hub
from orchestration.collect import Collected, collect
from tests.certificates import certificate
from tests.channels.conftest import opened
from tests.orchestration.conftest import agree, turn
from tests.servers import Mosquitto
from warehouse.settings import Settings
from warehouse.storage.connection import reader

ROOT = Path(__file__).parents[2]
READING = (ROOT / "tests" / "packs" / "sensors" / "contracts" / "reading.odcs.yaml").read_text(encoding="utf-8")
AT = "2026-03-01T08:00:00+08:00"


@pytest.fixture
def broker(mosquitto_program: str, tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Mosquitto(mosquitto_program, folder)
    yield made
    made.stop()


@dataclass
class Box:
    """channels.ports.Landing that reads what comes, and does something meanwhile; `refuses`: how many it does not take."""

    meanwhile: Callable[[], None] = lambda: None
    refuses: int = 0
    marks: list[str] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)

    def receive(self, arrival: Arrival) -> Received | None:
        if arrival.mark in self.marks:
            return Received(arrival, "20260301-0001")
        content = cast(Path, arrival.content).read_bytes()
        self.meanwhile()
        if self.refuses:
            self.refuses -= 1
            return None
        self.marks.append(arrival.mark)
        self.files.append((arrival.filename, content))
        return Received(arrival, "20260301-0001")

    @property
    def rows(self) -> list[Any]:
        lines = (line for name, content in self.files if name.endswith(".ndjson") for line in content.splitlines())
        return [json.loads(line) for line in lines if line.strip()]


@dataclass
class Station:
    """A broker, and the channel that listens to it."""

    broker: Mosquitto
    settings: Settings

    def channel(self, **more: Any) -> MqttChannel:
        told = {"kind": "mqtt", "topics": "water/+device/+quantity", "quiet_seconds": 0.2, "connect_seconds": 3}
        channel = opened(self.settings, told | {"url": f"mqtt://127.0.0.1:{self.broker.port}"} | more)
        assert isinstance(channel, MqttChannel)
        return channel

    def taken(self, box: Box | None = None, **more: Any) -> Box:
        box = box or Box()
        self.channel(**more).collect(box)
        return box

    def refused(self, box: Box | None = None, **more: Any) -> str:
        with pytest.raises(ChannelFailed) as refused:
            self.taken(box, **more)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in refused.value.message)
        return str(refused.value) + refused.value.message_en


@pytest.fixture
def station(broker: Mosquitto, settings: Settings) -> Station:
    made = Station(broker, settings)
    made.taken()  # the session begins with the first look
    return made


def numbered(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    """Readings of sixty devices, each with a number."""
    return [
        (f"water/D{n % 60:03d}/level", b'{"observed_at": "%s", "seq": %d}' % (instant(n), n))
        for n in range(start, start + count)
    ]


def instant(second: int) -> bytes:
    return f"2026-03-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00".encode()


def seqs(box: Box) -> list[int]:
    return [row["seq"] for row in box.rows]


def _grants_nothing(door: socket.socket) -> None:
    client, _ = door.accept()
    for answer in (b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x80"):
        client.recv(1000)
        client.sendall(answer)
    client.recv(1000)


class TestRefusals:
    def test_a_broker_that_is_away(self, station: Station) -> None:
        station.broker.stop()
        assert "cannot be reached" in station.refused()
        station.broker.start()

    def test_a_contract_of_whole_deliveries(self, station: Station) -> None:
        channel = station.channel()
        channel.source = replace(channel.source, takes_whole=lambda: True)
        with pytest.raises(ChannelFailed, match="whole table"):
            channel.collect(Box())

    def test_a_topic_that_nobody_grants(self, settings: Settings, broker: Mosquitto) -> None:
        """Mosquitto's own access list is silent about it; other brokers say so."""
        with closing(socket.create_server(("127.0.0.1", 0))) as door:
            threading.Thread(target=_grants_nothing, args=(door,), daemon=True).start()
            said = Station(broker, settings).refused(url=f"mqtt://127.0.0.1:{door.getsockname()[1]}", version="3.1.1")
        assert "allows no subscription to water/+/+" in said

    def test_a_certificate_that_nobody_knows(self, mosquitto_program: str, settings: Settings, tmp_path: Path) -> None:
        certificate(tmp_path)
        folder = tmp_path / "tls"
        folder.mkdir()
        broker = Mosquitto(mosquitto_program, folder, tls=(tmp_path / "certificate.pem", tmp_path / "key.pem"))
        try:
            station, url = Station(broker, settings), f"mqtts://localhost:{broker.port}"
            assert "certificate verify failed" in station.refused(url=url)
            trusted = {"url": url, "ca_file": str(tmp_path / "certificate.pem")}
            station.taken(**trusted)
            broker.publish(*numbered(3000))
            assert sorted(seqs(station.taken(**trusted))) == list(range(3000))
        finally:
            broker.stop()


class TestNothingIsLost:
    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    def test_what_was_received_is_acknowledged_and_nothing_before(self, station: Station, version: str) -> None:
        station.taken(version=version)
        station.broker.publish(*numbered(200))
        box = station.taken(Box(refuses=1), version=version)
        assert box.files == []
        assert sorted(seqs(station.taken(box, version=version))) == list(range(200))
        login = Login(station.channel().client_id, "", "", "5", 3600, 3)
        connection = Connection(address(f"mqtt://127.0.0.1:{station.broker.port}"), login)
        assert connection.known_before
        assert connection.receive(0.2) == []
        connection.close()

    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    def test_a_broker_that_restarts_in_the_middle(self, station: Station, version: str) -> None:
        station.taken(version=version)
        station.broker.publish(*numbered(500))
        restarts = iter([True])

        def meanwhile() -> None:
            if next(restarts, False):
                station.broker.stop()
                station.broker.start()
                station.broker.publish(*numbered(100, 500))

        box = station.taken(Box(meanwhile), version=version, batch=200)
        assert sorted(seqs(box)) == list(range(600))
        assert len(box.files) > 2

    def test_few_at_a_time_is_slow_and_whole(self, station: Station) -> None:
        conf = station.broker.folder / "mosquitto.conf"
        conf.write_text(conf.read_text().replace("max_inflight_messages 0", "max_inflight_messages 7"), encoding="utf-8")
        station.broker.stop()
        station.broker.start()
        station.broker.publish(*numbered(30))
        assert sorted(seqs(station.taken(quiet_seconds=0.1))) == list(range(30))

    def test_a_batch_that_was_whole_is_given_again_before_anything_else(self, station: Station) -> None:
        station.broker.publish(*numbered(10))
        assert station.taken(Box(refuses=1)).files == []
        station.broker.publish(*numbered(5, 10))
        box = station.taken()
        assert [len(content.splitlines()) for _, content in box.files] == [11, 6]
        assert sorted(seqs(box)) == list(range(15))

    def test_what_a_lost_catalogue_does_not_know_comes_again(self, station: Station) -> None:
        """A backup from before the batch: it was not acknowledged, and its own trace counts for nothing."""
        station.broker.publish(*numbered(10))
        folder = station.channel().source.folder
        station.taken(Box(refuses=1))
        (folder / "batch.json").unlink()
        assert sorted(seqs(station.taken())) == list(range(10))

    def test_a_full_disk_acknowledges_nothing(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """A batch of which a line was written by half is not given: what it holds comes again."""
        station.broker.publish(*numbered(10))

        def full(reader: Reader, topic: str, payload: bytes, received: str) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Reader, "lines", full)
            with pytest.raises(OSError, match="No space"):
                station.taken()
        assert sorted(seqs(station.taken())) == list(range(10))

    def test_only_the_last_messages_are_kept_in_mind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("channels.unacknowledged.WINDOW", 5)
        recent = Recent(tmp_path, 0)
        for number in range(1, 6):
            recent.write(number, bytes([number]) * 16 + bytes([number + 100]) * 16)
            recent.settle(number)
        assert sorted(set(recent.known.values())) == [3, 4, 5]
        assert Recent(tmp_path, 5).known == recent.known
        assert set(Recent(tmp_path, 4).known.values()) == {3, 4}

    def test_two_with_one_name_are_told_apart(self, station: Station) -> None:
        url = address(f"mqtt://127.0.0.1:{station.broker.port}")

        def meanwhile() -> None:
            Connection(url, Login(station.channel().client_id, "", "", "5", 3600, 3))

        station.broker.publish(*numbered(10))
        assert "another client" in station.refused(Box(meanwhile), batch=1, connect_seconds=30)


class TestWhatAMessageHolds:
    def test_levels_of_two_topics_are_columns(self, station: Station) -> None:
        topics = {"topics": ["water/+device/+quantity", "power/+quantity/#"], "topic_column": "topic"}
        station.taken(**topics)
        station.broker.publish(
            ("water/D 1/水位", b'{"value": 1.50}'), ("power/load/a/b", b'{"value": 2, "quantity": "own"}'), ("oil/x", b"{}")
        )
        assert sorted(station.taken(**topics).rows, key=str) == [
            {"value": 1.5, "device": "D 1", "quantity": "水位", "topic": "water/D 1/水位"},
            {"value": 2, "quantity": "load", "topic": "power/load/a/b"},
        ]

    def test_a_topic_that_is_left_out_is_no_longer_heard(self, station: Station) -> None:
        station.taken(topics="water/#, power/#")
        station.taken(topics="power/#")
        station.broker.publish(("water/D1/level", b"{}"), ("power/x", b'{"a": 1}'))
        assert station.taken(topics="power/#").rows == [{"a": 1}]

    def test_retained_ones_come_once(self, station: Station) -> None:
        station.broker.publish(("heat/D1/t", b'{"value": 1}'), retain=True)
        for version in ("5", "3.1.1"):
            asked = {"topics": "heat/+device/+quantity", "version": version, "client_id": f"heat{version}"}
            assert len(station.taken(**asked).rows) == 1
            assert station.taken(**asked).rows == []

    def test_a_large_one_is_a_delivery_of_its_own(self, station: Station) -> None:
        large = json.dumps([{"observed_at": AT, "seq": n} for n in range(200_000)]).encode()
        station.broker.publish(*numbered(3), ("water/D1/log", large), *numbered(3, 3))
        box = station.taken()
        assert sorted(seqs(box)) == list(range(6))
        (content,) = (content for name, content in box.files if not name.endswith(".ndjson"))
        assert content == large
        assert station.taken().files == []

    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    def test_messages_of_every_length_come_as_they_are(self, station: Station, version: str) -> None:
        """Lengths of one byte, two, three; many cut by the end of what is read at once."""
        sizes = [0, 1, 100, 126, 127, 128, 129, 1000, 16_300, 16_383, 16_384, 40_000, *range(5000, 5060)]
        station.taken(version=version)
        told = [(f"water/D/{'长' * (n % 50 + 1)}", b'{"n": %d, "x": "%s"}' % (n, b"x" * size)) for n, size in enumerate(sizes)]
        station.broker.publish(*told)
        rows = station.taken(version=version).rows
        assert [(row["n"], len(row["x"]), len(row["quantity"])) for row in rows] == [
            (n, size, n % 50 + 1) for n, size in enumerate(sizes)
        ]

    def test_messages_with_properties(self, station: Station) -> None:
        more = Properties(PacketTypes.PUBLISH)
        more.ContentType, more.UserProperty = "application/json", ("a", "b")
        device = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        device.connect("127.0.0.1", station.broker.port)
        device.loop_start()
        for number, told in enumerate((more, None, None)):  # at QoS 0 nobody keeps it while nobody listens
            sent = device.publish("water/D1/level", b'{"a": %d}' % number, qos=(1, 0, 2)[number], properties=told)
            sent.wait_for_publish(20)
        device.disconnect()
        device.loop_stop()
        assert [row["a"] for row in station.taken().rows] == [0, 2]

    def test_numbers_keep_their_digits(self, station: Station) -> None:
        station.broker.publish(("water/D1/level", b'{"value": 12345678901234567890.1234567890}'))
        ((_, content),) = station.taken().files
        assert b"12345678901234567890.1234567890" in content


@dataclass
class Listening:
    """A hub that listens to a broker for readings."""

    hub: Hub
    broker: Mosquitto

    def __post_init__(self) -> None:
        self.folder = self.hub.settings.root / "routes" / "XY-reading"

    def agree(self, contract: str = READING, **more: Any) -> None:
        channel = {"kind": "mqtt", "topics": ["water/+device/+quantity"], "quiet_seconds": 0.2, "connect_seconds": 3}
        channel |= {"url": f"mqtt://127.0.0.1:{self.broker.port}", **more}
        with self.hub.session() as session:
            registry.register(session, loader.parse(contract), by="test", origin="pack")
            agree(session, "XY-reading", "reading", "request", "hlj-water", channel)
        self.take()

    def take(self) -> Collected:
        (agreed,) = sources.in_force(self.hub)["reading"]
        return collect(self.hub, agreed)

    def killed(self, at: str) -> None:
        environment = {**os.environ, "HUB_CRASH_AT": at, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.channels.collecting", str(self.hub.settings.root)]
        assert subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False).returncode == -9

    def batches(self) -> list[Batch]:
        with self.hub.session() as session:
            return list(session.exec(select(Batch).order_by(Batch.id)))

    def rows(self, columns: str = "device, quantity, observed_at, value", table: str = "resource") -> list[tuple[Any, ...]]:
        """What is in the lake once everything that waits is loaded."""
        assert turn(self.hub, "reading").trouble == []
        with reader(self.hub.settings) as lake:
            return lake.execute(f"SELECT {columns} FROM {table}.reading ORDER BY ALL").fetchall()


@pytest.fixture
def listening(hub: Hub, broker: Mosquitto) -> Listening:
    return Listening(hub, broker)


SIGNAL = (
    READING.replace(", primaryKey: true, primaryKeyPosition: 1", "")
    .replace(", primaryKey: true, primaryKeyPosition: 2", "")
    .replace(", primaryKey: true, primaryKeyPosition: 3", "")
    .replace("name: value, businessName: 值, logicalType: number", "name: seq, businessName: 序号, logicalType: integer")
    .replace("delivery, value: changes", "delivery, value: append")
)
"""Readings without a key: whatever comes twice is in the table twice."""


class TestCase32:
    """channels.md: acknowledged after commit. Killed at the worst moments, all readings are in the lake, none twice."""

    def test_killed_before_and_after_the_receipt_and_in_the_middle_of_a_copy(self, listening: Listening) -> None:
        listening.agree(SIGNAL, batch=1000)
        listening.broker.publish(*numbered(3000))
        for moment in ("landing-copy:2", "receipt"):
            listening.killed(moment)
        listening.broker.publish(*numbered(200, 3000))
        assert not listening.take().failed
        assert [seq for (seq,) in listening.rows("seq")] == list(range(3200))
        assert listening.rows("count(DISTINCT (device, seq)), count(*)", "raw") == [(3200, 3200)]
        assert not listening.take().news
        assert sorted(file.suffix for file in listening.folder.iterdir()) == [".seen"] * len(listening.batches())

    def test_a_delivery_that_says_the_same_again_is_asked_about_not_dropped(self, listening: Listening) -> None:
        """Other messages, though with the same readings: without a key only a person knows whether they count."""
        listening.agree(SIGNAL)
        for _ in range(2):
            listening.broker.publish(*numbered(3))
            assert len(listening.take().news) == 1
            assert listening.rows("seq") == [(0,), (1,), (2,)]
        assert [batch.state for batch in listening.batches()] == ["loaded", "held"]


class TestReadings:
    def said(self, device: str, value: object, at: str = AT, **more: object) -> tuple[str, bytes]:
        return f"water/{device}/level", json.dumps({"observed_at": at, "value": value, **more}).encode()

    def test_ten_thousand_in_few_deliveries(self, listening: Listening) -> None:
        listening.agree(batch=4000)
        listening.broker.publish(*((topic, payload.replace(b'"seq"', b'"value"')) for topic, payload in numbered(10_000)))
        assert len(listening.take().news) == 3
        assert len(listening.rows()) == 10_000

    def test_a_later_delivery_says_what_holds_for_an_instant_and_one_that_contradicts_itself_is_asked(
        self, listening: Listening
    ) -> None:
        listening.agree()
        for value in (1, 2):
            listening.broker.publish(self.said("D1", value))
            listening.take()
        listening.broker.publish(self.said("D2", 3), self.said("D2", 3))
        listening.take()
        listening.broker.publish(self.said("D3", 4), self.said("D3", 5))
        listening.take()
        assert [(device, value) for device, _, _, value in listening.rows()] == [("D1", 2), ("D2", 3)]
        assert [batch.quarantined for batch in listening.batches()] == [0, 0, 0, 2]

    def test_what_cannot_be_read_is_set_aside_with_its_bytes_and_stands_in_no_way(self, listening: Listening) -> None:
        listening.agree()
        broken = (b'{"at": ', b"\xff\xfe\x00", b"", b"21.5", b"[[1, 2]]", b'{"at": 1,}', b"[" * 100_000, b'{"a": "\x01"}')
        listening.broker.publish(*(("water/D9/level", payload) for payload in broken), self.said("D1", 1))
        assert not listening.take().failed
        assert [device for device, *_ in listening.rows()] == ["D1"]
        (batch,) = listening.batches()
        assert (batch.state, batch.received, batch.quarantined) == ("partial", len(broken) + 1, len(broken))
        assert listening.take().news == []

    def test_messages_of_which_none_can_be_read_are_a_refused_delivery(self, listening: Listening) -> None:
        listening.agree()
        listening.broker.publish(("water/D9/level", b"\xff"), ("water/D9/level", b"{"))
        assert not listening.take().failed
        assert turn(listening.hub, "reading").trouble == []
        (batch,) = listening.batches()
        assert batch.state == "refused"
        listening.broker.publish(self.said("D1", 1))
        assert not listening.take().failed
        assert len(listening.rows()) == 1

    def test_clocks_that_go_wrong_are_told_as_they_are(self, listening: Listening) -> None:
        listening.agree()
        ahead, behind = "2099-01-01T00:00:00+08:00", "1970-01-01T00:00:05Z"
        listening.broker.publish(self.said("D1", 1, ahead), self.said("D1", 2, behind), self.said("D1", 3))
        listening.take()
        assert [value for *_, value in listening.rows()] == [2, 3, 1]

    def test_lineage_names_the_broker_without_who_reads_it(self, listening: Listening) -> None:
        listening.agree(topics="water/+device/+quantity, oil/#")
        listening.broker.publish(self.said("D1", 1))
        listening.take()
        listening.rows()
        with listening.hub.session() as session:
            (event,) = (one for one in session.exec(select(LineageEvent)) if "mqtt://" in json.dumps(one.body))
        (source,) = event.body["inputs"]
        assert source["namespace"] == f"mqtt://127.0.0.1:{listening.broker.port}"
        assert source["name"] == "water/+device/+quantity, oil/#"

    def test_a_new_field_is_noticed_and_keeps_nothing_out(self, listening: Listening) -> None:
        listening.agree()
        listening.broker.publish(self.said("D1", 1), self.said("D2", 2, battery=81))
        listening.take()
        assert len(listening.rows()) == 2
        (batch,) = listening.batches()
        assert "battery" in json.dumps(batch.model_dump(mode="json"), ensure_ascii=False)

    def test_one_reading_alone_that_has_parts_is_a_row(self, listening: Listening) -> None:
        listening.agree(READING.replace("name: value, businessName: 值", "name: value, businessName: data.value"))
        listening.broker.publish(("water/D1/level", json.dumps({"observed_at": AT, "data": {"value": 7}}).encode()))
        listening.take()
        assert [value for *_, value in listening.rows()] == [7]
