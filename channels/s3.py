"""Objects of an S3-compatible store, below one prefix. An object is there whole or not at all."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from channels.elsewhere import ElsewhereChannel, ElsewhereSettings, Remote
from channels.shelf import Entry

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Credential

PAGE, PIECE = 1000, 128 << 10
"""Keys, and bytes, that are waited for together."""
ACCOUNT = ("SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "401 Unauthorized")
"""What a store says of keys that it does not know; any other 403 is of rights."""


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("应为存储服务的 https:// 地址，不含用户名 / must be the store's https:// address, without a user")
    return url.rstrip("/")


def _bucket(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", name):
        raise ValueError("应为存储桶的名称 / must be the name of a bucket")
    return name


class S3Settings(ElsewhereSettings):
    """The store, a bucket, and where in it. `user` is the access key's identifier, the password its secret; without both the
    bucket is asked as anybody would."""

    endpoint: Annotated[str, AfterValidator(_endpoint)]
    allow_http: bool = Field(default=False, validate_default=True)
    bucket: Annotated[str, AfterValidator(_bucket)]
    prefix: str = ""
    region: str = Field(default="us-east-1", min_length=1)
    path_style: bool = True
    attempts: int = Field(default=5, ge=1, le=20)

    @field_validator("allow_http")
    @classmethod
    def _encrypted(cls, allowed: bool, others: ValidationInfo) -> bool:
        if not allowed and str(others.data.get("endpoint", "")).startswith("http://"):
            raise ValueError(
                "http:// 地址不加密，须设为 true 表示接受 / must be true for an http:// address: nothing is encrypted there"
            )
        return allowed

    def origin(self) -> tuple[str, str]:
        """The bucket, and the prefix."""
        return f"s3://{self.bucket}", self.prefix.strip("/")


class S3Shelf(Remote[S3Settings]):
    """The objects below the prefix. Neither variables AWS_… of the process nor the machine's own role have a say."""

    listed: bool = False

    @property
    def where(self) -> str:
        """The store, the bucket, and where in it."""
        return f"{self.settings.endpoint}/{self.settings.bucket}/{self._prefix}".rstrip("/")

    async def connect(self) -> None:
        """Nothing is asked yet."""
        from obstore.store import S3Store  # here, for the start: tests/cli/test_start.py

        settings, secret = self.settings, self.settings.password(self.home)

        def credentials() -> S3Credential:
            return {"access_key_id": settings.user, "secret_access_key": secret, "token": None, "expires_at": None}

        scheme, _, host = settings.endpoint.partition("://")
        own = settings.endpoint if settings.path_style else f"{scheme}://{settings.bucket}.{host}"
        self.store = S3Store(
            settings.bucket,
            endpoint=own,
            region=settings.region,
            virtual_hosted_style_request=not settings.path_style,
            skip_signature=not settings.user,
            credential_provider=credentials,
            client_options={
                "allow_http": settings.allow_http,
                "connect_timeout": timedelta(seconds=settings.connect_seconds),
                "read_timeout": timedelta(seconds=settings.timeout),
                "timeout": timedelta(seconds=settings.fetch_seconds),
            },
            retry_config={
                "max_retries": settings.attempts - 1,
                "retry_timeout": timedelta(seconds=settings.timeout),
                "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
            },
        )

    async def pages(self) -> AsyncGenerator[Sequence[Entry], None]:
        """Objects at any depth below the prefix, as the store lists them."""
        async for page in self.store.list(self._prefix or None, chunk_size=PAGE):
            yield [entry for one in page if (entry := self._entry(one)).name]
        self.listed = True

    async def pieces(self, entry: Entry) -> AsyncGenerator[bytes, None]:
        """The object as it was listed; what was cut off is gone on with while it is still that one."""
        options: Any = {"if_match": entry.look[2]} if entry.look[2] else {}
        found = await self.store.get_async(self._key(entry), options=options)
        async for piece in found.stream(min_chunk_size=PIECE):
            yield bytes(piece)

    def trouble(self, error: Exception) -> str:
        """What an error of the store or of the network says."""
        from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

        said = str(error)
        if isinstance(error, FileNotFoundError) or "404 Not Found" in said:
            return "nowhere"
        if not isinstance(error, BaseError | OSError):
            return ""
        if any(word in said for word in ACCOUNT):
            return "account"
        words: dict[type[Exception], str] = {PreconditionError: "changed", InvalidPathError: "name"}
        status = re.search(r"status code: (\d+)", said)
        if type(error) in words:
            return words[type(error)]
        if status is not None:
            return "rights" if status[1] == "403" else "other"
        return "cut" if self.listed else "away"

    def reason(self, error: Exception) -> str:
        """The store's code, or the first words of the library."""
        said = str(error).partition("\n\nDebug source")[0]
        code = re.search(r"<Code>(\w+)</Code>", said) or re.search(r"status code: (\d+ [A-Za-z ]+)", said)
        return code[1] if code else said

    @property
    def _prefix(self) -> str:
        return self.settings.prefix.strip("/")

    def _key(self, entry: Entry) -> str:
        return f"{self._prefix}/{entry.name}" if self._prefix else entry.name

    def _entry(self, found: ObjectMeta) -> Entry:
        name = found["path"].removeprefix(self._prefix).lstrip("/")
        changed = int(found["last_modified"].timestamp() * 1000)
        return Entry(name, [found["size"], changed, found["e_tag"] or ""])


class S3Channel(ElsewhereChannel[S3Settings]):
    """Objects below one prefix, each once, changed ones again."""

    kind = "s3"
    title = ("S3 对象存储", "S3 object store")
    settings_model = S3Settings
    remote_shelf = S3Shelf
