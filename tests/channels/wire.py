"""The wire to a server: everything passes, until the test cuts it where certain bytes would come."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

PIECE = 1 << 16


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

    def _pass(self, here: socket.socket, there: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := here.recv(PIECE):
                if answers and self.cut_at and self.cut_at in data:
                    there.sendall(data[: data.index(self.cut_at)])
                    break
                there.sendall(data)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
