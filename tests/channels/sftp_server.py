"""An SFTP server over one folder, in a thread of its own: whom it lets in, and where it breaks off, the test says."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import asyncssh


class SftpServer:
    """`cut_after`: bytes of a file after which the connection breaks off; `silent`: it no longer answers for any."""

    def __init__(
        self, place: Path, *, user: str = "hub", password: str = "genuine", key: asyncssh.SSHKey | None = None
    ) -> None:
        self.place, self.user, self.password, self.key = place, user, password, key
        self.cut_after: int | None = None
        self.silent = False
        self.logins: list[str] = []
        self.host_keys = [asyncssh.generate_private_key("ssh-ed25519")]
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)  # of connections that the test cut
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.acceptor: Any = self._do(self._listen())
        self.port: int = self.acceptor.get_port()

    @property
    def fingerprint(self) -> str:
        return self.host_keys[0].get_fingerprint()

    def show(self, *host_keys: asyncssh.SSHKey) -> None:
        """Other host keys, as somebody would have who poses as it."""
        self.close_door()
        self.host_keys = list(host_keys)
        self.acceptor = self._do(self._listen(self.port))

    def close_door(self) -> None:
        self.acceptor.close()
        self._do(self.acceptor.wait_closed())

    def close(self) -> None:
        self.close_door()
        self._do(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self, port: int = 0) -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: _Door(self),
            server_host_keys=self.host_keys,
            sftp_factory=lambda channel: _Files(self, channel),
            encryption_algs=["aes128-gcm@openssh.com"],
        )

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


class _Door(asyncssh.SSHServer):
    def __init__(self, server: SftpServer) -> None:
        self.server = server

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.server.logins.append(username)
        return (username, password) == (self.server.user, self.server.password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.server.logins.append(username)
        return self.server.key is not None and key == self.server.key.convert_to_public()


class _Files(asyncssh.SFTPServer):
    def __init__(self, server: SftpServer, channel: Any) -> None:
        self.server = server
        super().__init__(channel, chroot=str(server.place).encode())

    async def read(self, file_obj: object, offset: int, size: int) -> Any:
        if self.server.silent:
            await asyncio.Event().wait()
        if self.server.cut_after is not None and offset + size > self.server.cut_after:
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)
