"""One connection to an MQTT broker, driven by who waits for messages: no thread, no acknowledgement unasked."""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from channels.base import ChannelFailed

PORTS = {"mqtt": 1883, "mqtts": 8883}
WINDOW = 65_535
"""Messages that may be on their way unacknowledged: as many as there are identifiers for."""
AT_ONCE = 5_000
"""Messages that are handed over together."""
AHEAD = 1 << 18
"""Bytes that are read ahead of the message being taken."""
PUBLISH, PLAIN, AGAIN = 0b0011_0010, 0b1111_0110, 0b1000
"""First byte of a message at QoS 1, the bits of it that make it one, and the one that says it was sent before."""
SHORTEST = 8
"""No message is as short as this: kind, length, a topic of one letter, identifier."""
FAREWELL = 2.0
"""How long a broker has to take the last acknowledgements."""
Version = Literal["5", "3.1.1"]


class Message(NamedTuple):
    """One message as it came. `mid`: its identifier, 0 where it waits for no acknowledgement; `again`: it was sent before."""

    topic: str
    payload: bytes
    mid: int
    again: bool


class Lost(Exception):
    """An open connection broke off."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and as whom it is spoken to."""

    host: str
    port: int
    user: str
    encrypted: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """How a broker is spoken to. `session`: seconds for which it keeps messages for us while we are away; 0: none."""

    client_id: str
    password: str
    ca_file: str
    version: Version
    session: int
    seconds: float
    """Within which it must answer."""


def address(url: str) -> Address:
    """A broker's address, checked. ValueError, in both languages."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            "应如 mqtt://用户@主机:1883 或 mqtts://用户@主机:8883 / must be like mqtt://user@host:1883 or mqtts://"
        )
    if parts.password is not None:
        raise ValueError(
            "不得含口令，请用 password_env 或 password_file / must hold no password: use password_env or password_file"
        )
    return Address(host, port or PORTS[parts.scheme], unquote(parts.username or ""), parts.scheme == "mqtts")


class _Client(paho.Client):
    """paho's client, which reads ahead, and takes plain messages by itself where they lie whole in what it has read.

    paho (2.2.0) spends 50 µs on a message: three reads, and Properties where there are none. What is not plain is left to it:
    messages with properties, of 16 KB and more, cut by the end of what was read, and every other kind of packet.
    """

    ahead, at = b"", 0

    def taken_to(self, came: list[Message]) -> None:
        self.came = came
        self.on_message = lambda _client, _data, one: came.append(Message(one.topic, bytes(one.payload), one.mid, one.dup))

    @property
    def has_more(self) -> bool:
        return self.at < len(self.ahead)

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self.has_more:
            self.ahead, self.at = super()._sock_recv(max(bufsize, AHEAD)), 0
        part = self.ahead[self.at : self.at + bufsize]
        self.at += len(part)
        return part

    def take_plain(self) -> None:
        """Messages that lie at the front of what was read; between two packets only."""
        data, at, properties = self.ahead, self.at, int(self._protocol == paho.MQTTv5)
        while self._in_packet["command"] == 0 and len(data) - at > SHORTEST and data[at] & PLAIN == PUBLISH:
            long = data[at + 1] >> 7
            head = at + 2 + long
            end = head + (data[at + 1] & 127 | (data[at + 2] << 7 if long else 0))
            named = head + 2 + int.from_bytes(data[head : head + 2])
            start = named + 2 + properties
            if end > len(data) or start > end or (long and data[at + 2] >> 7) or (properties and data[named + 2]):
                break
            topic, mid = data[head + 2 : named].decode("utf-8", "replace"), int.from_bytes(data[named : named + 2])
            self.came.append(Message(topic, data[start:end], mid, bool(data[at] & AGAIN)))
            at = end
        self.at = at

    def acknowledge(self, mids: Sequence[int]) -> None:
        """As `ack` does, all in one piece."""
        self._packet_queue(paho.PUBACK, b"".join(b"\x40\x02" + mid.to_bytes(2) for mid in mids), 0, 1)


class Connection:
    """A session with a broker, open. Errors of opening it: ChannelFailed."""

    def __init__(self, where: Address, login: Login) -> None:
        self.where, self.login = where, login
        self.known_before = False
        """Whether the broker has kept this session, with its subscriptions."""
        self._came: list[Message] = []
        self._answers: dict[str, Any] = {}
        self._client = _Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            protocol=paho.MQTTv5 if login.version == "5" else paho.MQTTv311,
            clean_session=None if login.version == "5" else not login.session,
            manual_ack=True,
        )
        self._client.taken_to(self._came)
        self._client.on_connect = lambda _c, _d, flags, code, _p: self._answers.update(connect=(flags, code))
        self._client.on_subscribe = lambda _c, _d, _m, codes, _p: self._answers.update(subscribe=codes)
        self._client.on_unsubscribe = lambda _c, _d, _m, codes, _p: self._answers.update(unsubscribe=codes)
        self._client.on_disconnect = lambda _c, _d, _f, code, _p: self._answers.setdefault("ended", code)
        self._client.connect_timeout = login.seconds
        try:
            self._open()
        except Lost as lost:
            raise self._away(lost) from lost
        except OSError as error:
            raise self._away(error) from error

    def _open(self) -> None:
        where, login = self.where, self.login
        if where.user:
            self._client.username_pw_set(where.user, login.password or None)
        if where.encrypted:
            self._client.tls_set(ca_certs=login.ca_file or None, cert_reqs=ssl.CERT_REQUIRED)
        if login.version == "5":
            wishes = Properties(PacketTypes.CONNECT)
            wishes.SessionExpiryInterval, wishes.ReceiveMaximum = login.session, WINDOW
            self._client.connect(where.host, where.port, clean_start=not login.session, properties=wishes)
        else:
            self._client.connect(where.host, where.port)
        flags, code = self._answer("connect")
        if code.is_failure:
            raise ChannelFailed(
                f"{where} 拒绝了连接（{code}）；请核对用户、口令、client_id 和协议版本（version）。",
                f"{where} refused the connection ({code}); look at user, password, client_id and protocol version.",
            )
        self.known_before = bool(flags.session_present)

    def subscribe(self, filters: Sequence[str]) -> None:
        """Ask for messages at QoS 1; retained ones come where the subscription is new. Errors: ChannelFailed, Lost."""
        if self.login.version == "5":
            self._client.subscribe([(one, SubscribeOptions(qos=1, retainHandling=1)) for one in filters])
        else:
            self._client.subscribe([(one, 1) for one in filters])
        refused = [one for one, code in zip(filters, self._answer("subscribe"), strict=True) if code.is_failure]
        if refused:
            raise ChannelFailed(
                f"{self.where} 不允许订阅：{'、'.join(refused)}；请对方授权，或更正 topics。",
                f"{self.where} allows no subscription to {', '.join(refused)}; have it granted, or correct the topics.",
            )

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Ask for these no more. Errors: Lost."""
        self._client.unsubscribe(list(filters))
        self._answer("unsubscribe")

    def receive(self, seconds: float, most: int = AT_ONCE) -> list[Message]:
        """What has come, so many at most, waiting for it so long at most. Errors: Lost."""
        if not self._came:
            self._read(seconds)
        came = self._came[:most]
        del self._came[:most]
        return came

    def acknowledge(self, mids: Sequence[int]) -> None:
        """These messages are ours. Errors: Lost."""
        if not mids:
            return
        self._read(0)  # what the broker says of the connection is known before anything is said into it
        self._client.acknowledge(mids)
        self._written()

    def close(self) -> None:
        """Say good-bye, and wait until the broker has read it: closing on what nobody read would undo what was said last."""
        open_ = self._client.socket()
        if open_ is None:
            return
        with suppress(OSError, Lost), socket.socket(fileno=os.dup(open_.fileno())) as held:
            self._client.disconnect()
            self._written()
            held.settimeout(FAREWELL)
            held.shutdown(socket.SHUT_WR)
            until = time.monotonic() + FAREWELL
            while held.recv(AHEAD) and time.monotonic() < until:
                continue

    def _answer(self, kind: str) -> Any:
        until = time.monotonic() + self.login.seconds
        while kind not in self._answers:
            try:
                self._read(max(0.0, until - time.monotonic()))
            except Lost:
                if kind not in self._answers:  # refused, with a word, and closed
                    raise
            if time.monotonic() > until:
                raise Lost(f"no answer within {self.login.seconds:.0f} s")
        return self._answers.pop(kind)

    def _read(self, seconds: float) -> None:
        client, line = self._client, self._client.socket()
        if line is None:
            raise self._broken()
        pending = isinstance(line, ssl.SSLSocket) and line.pending()
        if not (client.has_more or pending):
            look = select.poll()
            look.register(line, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
            look.poll(seconds * 1000)
        while True:
            if client.loop_read():
                raise self._broken()
            client.take_plain()
            if not client.has_more or len(self._came) >= AT_ONCE:
                break
        if (client.want_write() and client.loop_write()) or client.loop_misc():
            raise self._broken()

    def _written(self) -> None:
        until = time.monotonic() + self.login.seconds
        while self._client.want_write():
            line = self._client.socket()
            if line is None or time.monotonic() > until:
                raise self._broken()
            look = select.poll()
            look.register(line, select.POLLOUT)
            look.poll(100)
            if self._client.loop_write():
                raise self._broken()

    def _broken(self) -> Lost:
        return Lost(str(self._answers.get("ended", "connection lost")))

    def _away(self, error: Exception) -> ChannelFailed:
        return ChannelFailed(
            f"无法连接 MQTT 服务器 {self.where}（{error}）；请检查地址、网络、证书与对方的运行情况。",
            f"The MQTT broker {self.where} cannot be reached ({error}); look at address, network, certificate and broker.",
        )
