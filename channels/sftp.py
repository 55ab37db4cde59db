"""A folder of an SFTP server, whose host key is pinned: another key is another server."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import AfterValidator, Field

from channels.base import ChannelFailed, secret_file
from channels.elsewhere import ElsewhereChannel, ElsewhereSettings, Remote
from channels.shelf import Entry, Kind, SettleSettings

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SSHKey

PAGE, PIECE = 1000, 512 << 10
"""Names, and bytes, that are waited for together."""
KEEPALIVE_SECONDS = 10
ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
"""Kinds of host keys, and the signatures that prove one."""


def _host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", host) or host.count(":") == 1:
        raise ValueError("应为主机名或 IP 地址，端口另填 / must be a host's name or address; its port stands by itself")
    return host


def _pinned(pinned: str) -> str:
    pin(pinned)
    return pinned.strip()


def pin(text: str) -> tuple[str, str]:
    """SHA256 fingerprint and kind ("" where it is not told) of a host key, given as either of both. ValueError: as neither."""
    words = text.split()
    if len(words) == 1 and re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", words[0]):
        return words[0], ""
    if len(words) >= 2 and words[0] in ALGORITHMS:
        try:
            return fingerprint(base64.b64decode(words[1], validate=True)), words[0]
        except binascii.Error:
            pass
    raise ValueError(
        "应为服务器主机密钥的指纹（SHA256:…）或整行公钥（ssh-ed25519 AAAA…），请向对方索取 / must be the SHA256 fingerprint "
        "of the server's host key, or the whole public key (ssh-ed25519 AAAA...); ask the provider for it"
    )


def _algorithms(kind: str) -> list[str]:
    """What a server's key may be, that of the pinned kind first; others too, so that it shows which one it has."""
    return [one for name in sorted(ALGORITHMS, key=lambda name: name != kind) for one in ALGORITHMS[name]]


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


class SftpSettings(ElsewhereSettings, SettleSettings):
    """The server, its host key, and a folder of it. With `key_file` the password is the one that opens that private key."""

    host: Annotated[str, AfterValidator(_host)]
    port: int = Field(default=22, ge=1, le=65535)
    fingerprint: Annotated[str, AfterValidator(_pinned)]
    user: str = Field(min_length=1)
    key_file: str = ""
    folder: str = "."

    def origin(self) -> tuple[str, str]:
        """The server, and the folder."""
        return f"sftp://{self.host}:{self.port}", self.folder


class SftpShelf(Remote[SftpSettings]):
    """The folder. Neither agent, nor keys, configuration or known hosts of the process's own account have a say."""

    seen: str = ""
    """Fingerprint of the key that the server showed."""

    @property
    def where(self) -> str:
        """The server, and the folder."""
        return f"sftp://{self.settings.host}:{self.settings.port}/{self.settings.folder.lstrip('/')}"

    @property
    def settle_seconds(self) -> float:  # type: ignore[override]
        """As the settings say."""
        return self.settings.settle_seconds

    async def connect(self) -> None:
        """Connect where the key is the pinned one; nothing is said to any other server."""
        import asyncssh  # here, for the start: tests/cli/test_start.py

        (pinned, kind), settings, seen = pin(self.settings.fingerprint), self.settings, self

        class Pinned(asyncssh.SSHClient):
            def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
                seen.seen = fingerprint(key.public_data)
                return seen.seen == pinned

        password = settings.password(self.home)
        key = self._key(password) if settings.key_file else None
        self.connection = await asyncssh.connect(
            settings.host,
            settings.port,
            client_factory=Pinned,
            known_hosts=([], [], []),  # none at all: an empty one would be that of the process's account
            server_host_key_algs=_algorithms(kind),
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            config=None,
            username=settings.user,
            password=None if key else password,
            client_keys=[key] if key else None,
            agent_path=None,
            agent_identities=None,
            gss_host=None,
            gss_kex=False,
            gss_auth=False,
            host_based_auth=False,
            keepalive_interval=KEEPALIVE_SECONDS,
        )
        self.sftp = await self.connection.start_sftp_client(path_errors="surrogateescape")

    async def disconnect(self) -> None:
        """Close the connection."""
        self.connection.close()
        await self.connection.wait_closed()

    def abort(self) -> None:
        """End the connection without a word."""
        if hasattr(self, "connection"):
            self.connection.abort()

    async def pages(self) -> AsyncGenerator[Sequence[Entry], None]:
        """Names and looks, as the server lists them."""
        page = list[Entry]()
        async for one in self.sftp.scandir(self.settings.folder):
            name = str(one.filename)
            if name not in (".", ".."):
                page.append(_entry(name, one.attrs))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    async def pieces(self, entry: Entry) -> AsyncGenerator[bytes, None]:
        """The file, many requests at once."""
        async with self.sftp.open(self._path(entry), "rb") as file:
            while piece := await file.read(PIECE):
                yield cast(bytes, piece)

    async def look(self, entry: Entry) -> list[Any]:
        """How it looks now; a link that was put in its place is none."""
        now = _entry(entry.name, await self.sftp.lstat(self._path(entry)))
        return now.look if now.kind == "file" else []

    def trouble(self, error: Exception) -> str:
        """What an error of SSH, of SFTP or of the network says."""
        import asyncssh

        if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
            raise self._another(str(error)) from error
        words = (
            (asyncssh.PermissionDenied, "account"),
            (asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath | asyncssh.SFTPNotADirectory, "nowhere"),
            (asyncssh.SFTPPermissionDenied, "rights"),
            (asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection | asyncssh.DisconnectError, "cut"),
            (asyncssh.Error, "other"),
            (OSError, "away"),
        )
        word = next((word for kind, word in words if isinstance(error, kind)), "")
        return "away" if word == "cut" and not hasattr(self, "sftp") else word

    def _another(self, reason: str) -> ChannelFailed:
        """The server is not the one that was pinned, or has its key changed."""
        self.away, (pinned, kind) = True, pin(self.settings.fingerprint)
        shown = self.seen or reason
        return ChannelFailed(
            f"{self.where} 出示的主机密钥是 {shown}，约定的是 {pinned} {kind}，未登录；请向对方核实其主机密钥："
            "确已更换的，更正通道的 fingerprint，否则可能有人冒充该服务器。",
            f"{self.where} shows the host key {shown}, and {pinned} {kind} is agreed; nothing was sent to it. Ask the "
            "provider: where its key was changed, correct fingerprint in the channel; else somebody may be posing as it.",
        )

    def _key(self, passphrase: str) -> SSHKey:
        import asyncssh

        text = secret_file(self.home, self.settings.key_file)
        try:
            return asyncssh.import_private_key(text, passphrase or None)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise ChannelFailed(
                f"私钥文件 {self.settings.key_file} 不能使用；请核对该文件，"
                "有口令的私钥请在 password_env 或 password_file 中给出口令。",
                f"The private key in {self.settings.key_file} cannot be used; check the file, and where it has a "
                "passphrase, give it by password_env or password_file.",
            ) from error

    def _path(self, entry: Entry) -> str:
        return posixpath.join(self.settings.folder, entry.name)


class SftpChannel(ElsewhereChannel[SftpSettings]):
    """Files of one folder of an SFTP server, each once, changed ones again."""

    kind = "sftp"
    title = ("SFTP 文件夹", "SFTP folder")
    settings_model = SftpSettings
    remote_shelf = SftpShelf


def _entry(name: str, attributes: SFTPAttrs) -> Entry:
    """What lies under a name; a server that names no type, or a name that leads elsewhere, shows no plain file."""
    from asyncssh import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_SYMLINK

    kinds: dict[int, Kind] = {
        FILEXFER_TYPE_DIRECTORY: "folder",
        FILEXFER_TYPE_REGULAR: "file",
        FILEXFER_TYPE_SYMLINK: "link",
    }
    kind = kinds.get(attributes.type, "other")
    if "/" in name or "\0" in name or attributes.size is None:
        kind = "other"
    return Entry(name, [attributes.size or 0, attributes.mtime or 0], kind)
