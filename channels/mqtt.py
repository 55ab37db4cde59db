"""An MQTT broker's messages: gathered to deliveries, acknowledged when these are received for good (docs/decisions/0041)."""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from channels import broker, readings
from channels.base import Channel, ChannelFailed, Glimpse, PasswordSettings, listed, shown
from channels.broker import Connection, Login, Lost, Message, Version
from channels.gathering import Gathering
from channels.ports import Arrival, Landing
from channels.readings import Payload, Reader, Unreadable
from channels.unacknowledged import Batch, Recent, digest, kept
from contracts.clock import now

BATCH_BYTES = 64 << 20
"""A batch of so many bytes is full, however few its messages are."""
PEEK_SECONDS = 5.0
"""How long a peek waits for a first message."""
AGAIN_SECONDS = 0.2
"""How long after a broken connection it is tried anew, twice as long each time."""
LOSSES = 5
"""Of so many connections one collect is given up after: somebody ends them."""
WEEK = 7 * 24 * 3600


def _address(url: str) -> str:
    broker.address(url)
    return url


def _topics(topics: Sequence[str]) -> Sequence[str]:
    if not topics:
        raise ValueError("至少一个主题 / must name a topic")
    for one in topics:
        readings.pattern(one)
    return topics


def _one_of_each(names: Sequence[str]) -> Sequence[str]:
    if len(set(names)) < len(names):
        raise ValueError("列名不得重复 / name a column twice")
    return names


Listed = BeforeValidator(listed)


class MqttSettings(PasswordSettings):
    """Which messages are asked for, how their payloads are read, and when a delivery is made of them.

    A level of a topic that begins with + and has a name is a column: water/+station/+quantity. `payload`: json (an object, or a
    list of them at the dotted path `records`), csv (columns named in `csv_columns`), senml (RFC 8428), value (the bare value).
    A delivery is made of `batch` messages, or of what came in `batch_seconds`, or in `quiet_seconds` of silence; a collect
    listens for `listen_seconds`, and ends where nothing comes for `quiet_seconds`.
    """

    url: Annotated[str, AfterValidator(_address)]
    topics: Annotated[tuple[str, ...], AfterValidator(_topics), Listed]
    version: Version = "5"
    client_id: str = Field(default="", max_length=200)
    session_seconds: int = Field(default=WEEK, ge=60, le=2**32 - 2)
    payload: Payload = "json"
    csv_columns: Annotated[tuple[str, ...], AfterValidator(_one_of_each), Listed] = Field(default=(), validate_default=True)
    records: str = ""
    topic_column: str = ""
    received_column: str = ""
    batch: int = Field(default=50_000, ge=1, le=broker.WINDOW)
    batch_seconds: float = Field(default=30, gt=0, le=3600)
    quiet_seconds: float = Field(default=2, gt=0, le=600)
    listen_seconds: float = Field(default=50, gt=0, le=3600)
    message_bytes: int = Field(default=1 << 20, ge=1, le=16 << 20)
    connect_seconds: float = Field(default=10, gt=0, le=600)
    ca_file: str = ""

    @field_validator("csv_columns")
    @classmethod
    def _of_csv(cls, columns: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if "payload" in others.data and (others.data["payload"] == "csv") != bool(columns):
            raise ValueError("payload 为 csv 时必填，其他方式不填 / is for the payload csv, and needed there")
        return columns

    def origin(self) -> tuple[str, str]:
        """The broker, and the topics."""
        return f"mqtt://{broker.address(self.url)}", ", ".join(self.topics)

    @property
    def filters(self) -> list[str]:
        """The topics as a broker knows them."""
        return list(dict.fromkeys(readings.pattern(one).filter for one in self.topics))

    def reader(self) -> Reader:
        """What makes lines of payloads."""
        return Reader(
            [readings.pattern(one) for one in self.topics],
            self.payload,
            self.csv_columns,
            self.records,
            self.topic_column,
            self.received_column,
        )


class NotReceived(Exception):
    """A batch could not be received, as the turn tells. It stays whole, and is given again before anything else."""


class MqttChannel(Channel[MqttSettings]):
    """Messages of a broker, a line for each of their records; the broker forgets them when they are received for good."""

    kind = "mqtt"
    title = ("MQTT 消息", "MQTT messages")
    settings_model = MqttSettings
    says_what_is_true_now = True
    listens = True

    _recent: Recent
    _reader: Reader
    _lost_since: float = 0.0
    _losses: int = 0

    @property
    def seconds(self) -> float:
        """As its settings say, and some for coming and going."""
        return self.settings.listen_seconds + 3 * self.settings.connect_seconds

    @property
    def client_id(self) -> str:
        """The same whenever this channel of this agreement listens: under it the broker keeps what comes meanwhile."""
        label = self.source.folder.name
        plain = label if re.fullmatch(r"[A-Za-z0-9-]{1,19}", label) else hashlib.sha256(label.encode()).hexdigest()[:19]
        return self.settings.client_id or f"hui-{plain}"

    def peek(self, limit: int) -> Glimpse:
        """Retained messages, and those that come while it looks; in a session of its own, which ends with it."""
        reader, rows = self.settings.reader(), list[dict[str, str]]()
        with closing(self._connection(f"hui-{uuid.uuid4().hex[:19]}", session=0)) as connection:
            try:
                connection.subscribe(self.settings.filters)
                until = time.monotonic() + min(PEEK_SECONDS, self.source.seconds)
                while len(rows) <= limit and (came := connection.receive(max(0.0, until - time.monotonic()))):
                    rows += [row for message in came for row in _glimpsed(reader, message)]
                    until = time.monotonic() + self.settings.quiet_seconds
            except Lost as lost:
                raise self._broke_off(lost) from lost
        return Glimpse(tuple(rows[:limit]), len(rows) > limit)

    def collect(self, landing: Landing) -> None:
        """Listen; each batch is received, and acknowledged, before the next one is begun."""
        self._require_changes()
        self.source.folder.mkdir(parents=True, exist_ok=True)
        self._reader = self.settings.reader()
        number = int(self.source.memory.read().get("number", 0))
        left = kept(self._state, number + 1)
        self._recent = Recent(self.source.folder, number, left is not None)
        try:
            if left is not None:
                self._give(left, landing)
            self._sweep()
            self._listen(landing, time.monotonic() + min(self.settings.listen_seconds, self.source.seconds))
        except NotReceived:
            return

    def _listen(self, landing: Landing, until: float) -> None:
        connection, goes_on = self._connected(), True
        try:
            while goes_on:
                try:
                    goes_on = self._batch(connection, landing, until)
                except Lost as lost:
                    connection = self._connected_again(lost)
        finally:
            connection.close()

    def _batch(self, connection: Connection, landing: Landing, until: float) -> bool:
        """One batch; whether to go on. Errors: Lost, when what had come is received: the broker will send it again."""
        settings = self.settings
        batch = Gathering(self.source.folder, self._recent.number + 1, self._reader, settings.message_bytes)
        with closing(batch):
            try:
                self._gather(batch, connection, until)
            except Lost:
                self._receive(batch, landing)
                raise
            self._receive(batch, landing)
        connection.acknowledge([mid for mid in batch.waiting.values() if mid])
        return bool(batch.messages) and time.monotonic() < until

    def _gather(self, batch: Gathering, connection: Connection, until: float) -> None:
        """Messages until it is full, old enough, or nothing comes."""
        settings, heard = self.settings, time.monotonic()
        while batch.messages < settings.batch and batch.size < BATCH_BYTES:
            wait = min(settings.quiet_seconds, max(0.0, until - time.monotonic()))
            came = connection.receive(wait, settings.batch - batch.messages)
            connection.acknowledge(self._known(batch, came))
            clock = time.monotonic()
            if came:
                heard, self._lost_since = clock, 0.0
            aged = bool(batch.messages) and clock - batch.began >= settings.batch_seconds
            if aged or clock >= until or clock - heard >= settings.quiet_seconds:
                return

    def _known(self, batch: Gathering, came: Sequence[Message]) -> list[int]:
        """Put what is new into the batch; identifiers of what was received for good before, and was sent again."""
        known, received = list[int](), now().isoformat()
        for message in came:
            known_as = digest(message)
            if message.again and known_as in self._recent.known:
                known.append(message.mid)
            elif not (message.again and known_as in batch.waiting):
                batch.add(message, received, known_as)
        return known

    def _receive(self, batch: Gathering, landing: Landing) -> None:
        if not batch.messages:
            return
        whole = batch.whole(self.source.dataset)
        self._recent.write(batch.number, b"".join(batch.waiting))
        whole.keep(self._state)
        self._give(whole, landing)

    def _give(self, batch: Batch, landing: Landing) -> None:
        """To landing, all of it or, the next time, again. Errors: NotReceived."""
        received = []
        for number, piece in enumerate(batch.pieces, start=1):
            arrival = Arrival(
                self.source.folder / piece.file,
                piece.filename,
                f"{self.client_id}|{piece.mark}",
                {"number": batch.number} if number == len(batch.pieces) else {},
                organization_id=self.source.organization_id,
            )
            if (one := landing.receive(arrival)) is None:
                raise NotReceived
            received.append(one)
        self.acknowledge(received)
        self._recent.settle(batch.number)
        self._sweep()

    def _sweep(self) -> None:
        """Files of batches that are over, or were never whole."""
        self._state.unlink(missing_ok=True)
        for pattern in ("*.ndjson", "*.message", "*.part"):
            for file in self.source.folder.glob(pattern):
                file.unlink()

    @property
    def _state(self) -> Path:
        return self.source.folder / "batch.json"

    def _connection(self, client_id: str, session: int) -> Connection:
        settings = self.settings
        ca_file = str(self.source.home / settings.ca_file) if settings.ca_file else ""
        password = settings.password(self.source.home)
        login = Login(client_id, password, ca_file, settings.version, session, settings.connect_seconds)
        return Connection(broker.address(settings.url), login)

    def _connected(self) -> Connection:
        """In the lasting session, with the subscriptions of the settings; new ones only, or retained messages came again."""
        connection, wanted = self._connection(self.client_id, self.settings.session_seconds), list(self.settings.filters)
        before = self.source.memory.read().get("topics", []) if connection.known_before else []
        try:
            if gone := [one for one in before if one not in wanted]:
                connection.unsubscribe(gone)
            if new := [one for one in wanted if one not in before]:
                connection.subscribe(new)
        except Lost as lost:
            connection.close()
            raise self._broke_off(lost) from lost
        except ChannelFailed:
            connection.close()
            raise
        if before != wanted:
            self.source.memory.write({"topics": wanted})
        return connection

    def _connected_again(self, lost: Lost) -> Connection:
        """Once the broker is back; it may be restarting. Errors: ChannelFailed, where it stays away, or ends each one."""
        self._lost_since, self._losses, pause = self._lost_since or time.monotonic(), self._losses + 1, AGAIN_SECONDS
        while True:
            if time.monotonic() - self._lost_since > self.settings.connect_seconds or self._losses > LOSSES:
                raise self._broke_off(lost)
            time.sleep(pause)
            pause *= 2
            try:
                return self._connected()
            except ChannelFailed:
                if time.monotonic() - self._lost_since > self.settings.connect_seconds:
                    raise

    def _broke_off(self, lost: Lost) -> ChannelFailed:
        return ChannelFailed(
            f"与 MQTT 服务器 {self.settings.url} 的连接中断（{lost}）；已收的保留，其余由服务器下次再发。"
            f"若另有客户端也用 {self.client_id}（如另一套平台），两者会互相断开，请设 client_id。",
            f"The connection to the MQTT broker {self.settings.url} broke off ({lost}); what came is kept, the broker sends "
            f"the rest again. Where another client (a second hub) is {self.client_id} too, each ends the other: set client_id.",
        )

    def _require_changes(self) -> None:
        if self.source.takes_whole():
            raise ChannelFailed(
                "合同规定每次交付为全量，而消息只是其中几行，会使其余各行被删除；请把合同的交付方式改为变更或追加。",
                "The contract takes each delivery for the whole table, and messages are some rows of it: all others would be "
                "removed. Make the contract's delivery changes or append.",
            )


def _glimpsed(reader: Reader, message: Message) -> list[dict[str, str]]:
    """A message's records as a peek shows them."""
    try:
        lines = reader.lines(message.topic, message.payload, now().isoformat())
        return [shown(json.loads(line)) for line in lines.splitlines()]
    except (Unreadable, ValueError, RecursionError):
        return [shown({"topic": message.topic, "payload": message.payload.decode("utf-8", "backslashreplace")})]
