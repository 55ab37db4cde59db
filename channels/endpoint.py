"""How a department's HTTP JSON endpoint is asked: where its records and pages are, how one signs in, its limits."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from channels.asking import Grant, Limits
from channels.base import PasswordSettings, TokenSettings


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("应为 http:// 或 https:// 地址 / must be an http:// or https:// address")
    if parts.password:
        raise ValueError("不得含密码，请用 token_env 或 token_file / must hold no password: use token_env or token_file")
    return url


def _token_address(url: str) -> str:
    return _address(url) if url else url


class HttpSettings(PasswordSettings, TokenSettings):
    """How an endpoint is asked.

    `records` is the dotted path of the list in a page's body ("" where the body is the list). The next page is where the body
    says (`next`, the dotted path of its address or cursor), where the Link header says (`link`, RFC 8288), or after so many
    records (`offset`, a query parameter); else pages are counted in the query parameter `page` until one comes back empty or
    short, or `total` (dotted path) records are there. `since` is a query parameter that gets the greatest value of `since_item`
    seen so far, so that only changes are asked for.

    Signed in by a token (`header`: where it goes), by an account (`user` and its password: Basic, RFC 7617), or, with
    `oauth_url`, by a token that the account is given there (OAuth 2.0 client credentials, RFC 6749, 4.4; `client_in`: named in
    the header or the form).
    """

    url: Annotated[str, AfterValidator(_address)]
    records: str = ""
    page: str = "page"
    first_page: int = 1
    size: str = ""
    page_size: int = Field(default=0, ge=0)
    next: str = ""
    cursor: str = ""
    offset: str = ""
    link: bool = False
    total: str = ""
    since: str = ""
    since_item: str = ""
    header: str = Field(default="Authorization", min_length=1)
    user: str = ""
    oauth_url: Annotated[str, AfterValidator(_token_address)] = ""
    oauth_scope: str = ""
    client_in: Literal["header", "form"] = "header"
    attempts: int = Field(default=Limits.attempts, ge=1, le=20)
    backoff: float = Field(default=Limits.backoff, ge=0)
    timeout: float = Field(default=Limits.silence, gt=0)
    connect_seconds: float = Field(default=Limits.connect, gt=0)
    page_seconds: float = Field(default=Limits.page, gt=0)
    fetch_seconds: float = Field(default=Limits.fetch, gt=0)
    page_bytes: int = Field(default=Limits.page_bytes, gt=0)
    fetch_bytes: int = Field(default=Limits.fetch_bytes, gt=0)

    def limits(self, seconds: float) -> Limits:
        """Limits of one fetch, of which `seconds` are left in the run."""
        return Limits(
            connect=self.connect_seconds,
            silence=self.timeout,
            page=self.page_seconds,
            fetch=min(self.fetch_seconds, seconds),
            page_bytes=self.page_bytes,
            fetch_bytes=self.fetch_bytes,
            attempts=self.attempts,
            backoff=self.backoff,
        )

    @field_validator("offset", "link")
    @classmethod
    def _one_way(cls, value: Any, others: ValidationInfo) -> Any:
        if value and (others.data.get("next") or others.data.get("offset")):
            raise ValueError("next、offset、link 只用一种 / is one of three ways to the next page: next, offset, link")
        return value

    @field_validator("user")
    @classmethod
    def _of_one_kind(cls, user: str, others: ValidationInfo) -> str:
        told = others.data
        if user and not (told.get("password_env") or told.get("password_file")):
            raise ValueError("须有口令：password_env 或 password_file / needs its password: password_env or password_file")
        if user and (told.get("token_env") or told.get("token_file")):
            raise ValueError("账号与令牌只用一种 / stands beside a token: take one of them")
        return user

    @field_validator("oauth_url")
    @classmethod
    def _for_an_account(cls, address: str, others: ValidationInfo) -> str:
        if address and not others.data.get("user"):
            raise ValueError("须有 user 和口令（客户端标识和密钥） / needs user and its password: the client and its secret")
        return address

    def origin(self) -> tuple[str, str]:
        """The endpoint, without what is asked of it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")

    def asked(self) -> str:
        """Digest of what decides which records are asked for, and how they are counted."""
        names = (
            "url", "records", "page", "first_page", "size", "page_size", "next", "cursor", "offset", "link", "total", "since",
            "since_item",
        )  # fmt: skip
        return hashlib.sha256(repr([getattr(self, name) for name in names]).encode()).hexdigest()

    def headers(self, home: Path) -> dict[str, str]:
        """What each page is asked with: the token or the account, never kept in the catalogue. Errors: ChannelFailed."""
        asked = {"Accept": "application/json"}
        if token := self.token(home):
            asked[self.header] = f"Bearer {token}" if self.header == "Authorization" else token
        if self.user and not self.oauth_url:
            account = base64.b64encode(f"{self.user}:{self.password(home)}".encode()).decode()
            asked["Authorization"] = f"Basic {account}"
        return asked

    def grant(self, home: Path) -> Grant | None:
        """How a token is to be had, where the account is given one. Errors: ChannelFailed."""
        if not self.oauth_url:
            return None
        return Grant(self.oauth_url, self.user, self.password(home), self.oauth_scope, self.client_in == "form")

    @property
    def follows(self) -> bool:
        """Whether each page tells where the next one is."""
        return bool(self.next) or self.link
