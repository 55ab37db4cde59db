"""Every kind of channel: the hub's own, and those that a plug-in brings under the entry point `hui.channels`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from channels.base import Channel, ChannelSettings, Source
from channels.database import DatabaseChannel
from channels.folder import FolderChannel
from channels.http import HttpChannel
from channels.mqtt import MqttChannel
from channels.s3 import S3Channel
from channels.sftp import SftpChannel
from channels.webdav import WebdavChannel
from channels.workbooks import WorkbookChannel
from contracts.errors import HubError

GROUP = "hui.channels"
"""`[project.entry-points."hui.channels"]` of a plug-in: the kind's name, and its class."""
OWN: Mapping[str, type[Channel[Any]]] = {
    one.kind: one
    for one in (
        DatabaseChannel,
        FolderChannel,
        HttpChannel,
        MqttChannel,
        S3Channel,
        SftpChannel,
        WebdavChannel,
        WorkbookChannel,
    )
}
_WRONG = {
    "missing": ("必填", "is required"),
    "extra_forbidden": ("不是这种通道的设置", "is no setting of this kind of channel"),
    "string_too_short": ("不能为空", "must not be empty"),
    "string_type": ("应为文字", "must be text"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "float_parsing": ("应为数字", "must be a number"),
    "float_type": ("应为数字", "must be a number"),
    "bool_parsing": ("应为是或否", "must be true or false"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不得小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "must be at most {le}"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
}


class UnknownChannel(HubError):
    """No channel of that kind, or not for that route."""

    def __init__(self, kind: str, kinds: Sequence[str]) -> None:
        super().__init__(
            f"没有「{kind}」这种通道可用；可用的有：{'、'.join(kinds)}。请在协议中更正通道。",
            f"There is no channel {kind!r} for this; there are: {', '.join(kinds)}. Correct the agreement's channel.",
        )


class PlugInBroken(HubError):
    """A plug-in's channel cannot be loaded."""

    def __init__(self, name: str, why: object) -> None:
        super().__init__(
            f"插件通道「{name}」无法加载：{why}。请更正或卸载该插件。",
            f"The plug-in's channel {name!r} cannot be loaded: {why}. Correct or uninstall the plug-in.",
        )


class InvalidChannel(HubError):
    """Settings that a channel cannot work with; `faults`: field → what is wrong with it, in Chinese and English."""

    def __init__(self, kind: str, faults: Mapping[str, tuple[str, str]]) -> None:
        self.faults = dict(faults)
        listed = "；".join(f"{field}：{zh}" for field, (zh, _) in faults.items())
        listed_en = "; ".join(f"{field} {en}" for field, (_, en) in faults.items())
        super().__init__(
            f"通道「{kind}」的设置有误：{listed}。", f"The settings of the channel {kind!r} are wrong: {listed_en}."
        )


def kinds(route: str = "") -> dict[str, type[Channel[Any]]]:
    """Every kind by its name, of a route only where one is named; the hub's own cannot be taken by a plug-in."""
    known = {**_plugged(), **OWN}
    return {name: one for name, one in sorted(known.items()) if not route or route in one.routes}


def of(kind: str, route: str = "") -> type[Channel[Any]]:
    """The class of a kind. Errors: UnknownChannel."""
    known = kinds(route)
    if kind not in known:
        raise UnknownChannel(kind, list(known))
    return known[kind]


def validate(kind: str, settings: Mapping[str, Any], *, route: str = "") -> ChannelSettings:
    """The settings of a channel, checked: called when an agreement is saved, and whenever it is opened.

    Errors: UnknownChannel, InvalidChannel (which names each field at fault in both languages).
    """
    model = of(kind, route).settings_model
    try:
        return model.model_validate({name: value for name, value in settings.items() if name != "kind"})
    except ValidationError as error:
        raise InvalidChannel(kind, dict(_fault(one) for one in error.errors())) from None


def opened(kind: str, settings: Mapping[str, Any], source: Source, *, route: str = "") -> Channel[Any]:
    """A channel of that kind, ready for its source. Errors: UnknownChannel, InvalidChannel."""
    return of(kind, route)(validate(kind, settings, route=route), source)


def forget() -> None:
    """Look again for plug-ins at the next question: one was installed meanwhile."""
    _plugged.cache_clear()


@cache
def _plugged() -> dict[str, type[Channel[Any]]]:
    kinds: dict[str, type[Channel[Any]]] = {}
    for point in entry_points(group=GROUP):
        if point.name in OWN:
            continue
        try:
            channel = point.load()
        except Exception as error:  # whatever a plug-in's module does when it is imported
            raise PlugInBroken(point.name, f"{type(error).__name__}: {error}") from error
        if not (isinstance(channel, type) and issubclass(channel, Channel) and channel.kind == point.name):
            raise PlugInBroken(point.name, f"{point.value} is no Channel of the kind {point.name!r}")
        kinds[point.name] = channel
    return kinds


def _fault(error: ErrorDetails) -> tuple[str, tuple[str, str]]:
    field = ".".join(map(str, error["loc"])) or "?"
    context = error.get("ctx", {})
    if error["type"] == "value_error":  # a kind's own check says it in both languages, apart by a slash
        zh, _, en = str(context.get("error", error["msg"])).partition(" / ")
        return field, (zh, en or zh)
    zh, en = _WRONG.get(error["type"], (error["msg"],) * 2)
    return field, (zh.format(**context), en.format(**context))
