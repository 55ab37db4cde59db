"""The wire to a server: everything passes, until the test cuts it where certain bytes would come."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

PIECE = 1 << 16
PUBACK = 4


class Wire:
    """A port of this machine that leads to a server; `cut_at`: bytes of an answer that no longer arrive.

    `tls`: it speaks for a PostgreSQL that encrypts, with this context's certificate.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.host, self.target, self.cut_at, self.tls = host, port, b"", tls
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.door.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self.door.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.door.accept()
                try:
                    client = self._encrypted(client)
                except ssl.SSLError:  # they do not trust us
                    continue
                server = self._reached()
                threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _encrypted(self, client: socket.socket) -> socket.socket:
        if self.tls is None:
            return client
        client.recv(8)  # "will you encrypt?"
        client.sendall(b"S")
        return self.tls.wrap_socket(client, server_side=True)

    def _reached(self) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.target))
        local = socket.socket(socket.AF_UNIX)
        local.connect(f"{self.host}/.s.PGSQL.{self.target}")
        return local

    def _asked(self, data: bytes) -> bytes:
        """What arrives of what a client sends."""
        return data

    def _pass(self, here: socket.socket, there: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := here.recv(PIECE):
                data = data if answers else self._asked(data)
                if answers and self.cut_at and self.cut_at in data:
                    there.sendall(data[: data.index(self.cut_at)])
                    break
                there.sendall(data)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Deaf(Wire):
    """The wire to an MQTT broker that hears no acknowledgement (PUBACK) while `deaf`: it sends all again the next time."""

    deaf = True
    _half = b""

    def _asked(self, data: bytes) -> bytes:
        data, passed = self._half + data, b""
        while len(data) >= 2 and len(data) >= (size := _size(data)) > 0:
            passed += b"" if self.deaf and data[0] >> 4 == PUBACK else data[:size]
            data = data[size:]
        self._half = data
        return passed


def _size(packet: bytes) -> int:
    """Bytes of the packet that begins here; 0 where its length has not come whole."""
    length = 0
    for at, digit in enumerate(packet[1:5]):
        length |= (digit & 127) << (7 * at)
        if digit < 128:
            return 2 + at + length
    return 0
