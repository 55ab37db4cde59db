"""Where a channel may reach: folders set aside for deliveries, secrets set aside for channels, and no other place of the
machine. Whoever enters an agreement by the portal or the API is trusted with data, not with the machine's files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog.acquisition.negotiation import WrongTerm
from warehouse.settings import Settings

PLACES = ("path", "outbox", "token_file", "password_file", "key_file", "ca_file")
"""Settings that name a place of the machine."""
FOLDERS = ("path", "outbox")
VARIABLES = ("token_env", "password_env")
"""Settings that name a variable of the machine."""
VARIABLE = re.compile(r"HUB_TOKEN_[A-Z0-9_]{1,80}")
"""Variables that hold a channel's token or password: none of the hub's own settings is sent to a stranger's address."""


def require_allowed(
    settings: Settings, route: str, channels: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Refuse channels that reach where none may; one that the agreement has already stays.

    Errors: WrongTerm; InvalidChannel, which names every setting at fault.
    """
    for channel in channels:
        if channel in before:
            continue
        for name in PLACES:
            if channel.get(name):
                _require_place(settings, name, str(channel[name]))
        for name in VARIABLES:
            _require_variable(name, str(channel.get(name) or ""))
        if channel.get("kind") not in ("database", "mqtt"):  # whose addresses are checked with their settings
            _require_address(str(channel.get("url") or ""))
        _require_settings(route, channel)


def make_folders(settings: Settings, channels: Sequence[Mapping[str, Any]]) -> None:
    """Make the hub's own drop folders that channels name, so that nobody needs a shell to begin. Others are their owners'."""
    for place in to_be_made(settings, channels):
        place.mkdir(parents=True, exist_ok=True)


def to_be_made(settings: Settings, channels: Sequence[Mapping[str, Any]]) -> list[Path]:
    """The hub's own drop folders that channels name and that are not there yet: they are made with the agreement."""
    named = [(settings.root / str(channel[name])).resolve() for channel in channels for name in FOLDERS if channel.get(name)]
    own = [place for place in named if any(place != one and place.is_relative_to(one) for one in settings.drop_folders)]
    return [place for place in own if not place.exists()]


def _require_settings(route: str, channel: Mapping[str, Any]) -> None:
    """Refuse what a kind cannot work with, a plug-in's too, before it is saved."""
    from channels import registry  # here, for the start: tests/cli/test_start.py

    try:
        registry.validate(str(channel.get("kind", "")), channel, route=route)
    except registry.UnknownChannel as unknown:
        raise WrongTerm("kind", unknown.message, unknown.message_en) from unknown


def _require_place(settings: Settings, name: str, value: str) -> None:
    path = Path(value)
    place = (path if path.is_absolute() else settings.root / path).resolve()
    own = settings.drop_folders if name in FOLDERS else settings.secret_folders
    allowed = (*own, *settings.other_folders)
    if any(place != folder and place.is_relative_to(folder) for folder in allowed):
        return
    below = f"HUB_HOME/{own[0].name}"
    raise WrongTerm(
        name,
        f"「{value}」不在允许的位置；应在 {below} 之下，或由管理员在 HUB_INBOXES 中列出其上级文件夹。",
        f"{value!r} is not a place for this; take one below {below}, or have the administrator list its folder in HUB_INBOXES.",
    )


def _require_variable(setting: str, name: str) -> None:
    if name and not VARIABLE.fullmatch(name):
        raise WrongTerm(
            setting,
            f"令牌或口令的环境变量应以 HUB_TOKEN_ 开头，如 HUB_TOKEN_WATER；「{name}」不是。",
            f"The variable of a token or password begins with HUB_TOKEN_, like HUB_TOKEN_WATER; {name!r} does not.",
        )


def _require_address(url: str) -> None:
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise WrongTerm(
            "url",
            "接口地址应为 http:// 或 https:// 开头的完整地址，不含用户名和密码。",
            "The address begins with http:// or https:// and holds no user and password.",
        )
