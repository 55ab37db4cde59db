"""Channels, before they are relied on: a test of the connection looks at what a source holds and takes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from catalog.acquisition.agreements import Agreement
from catalog.identity.people import Subject
from channels.base import Glimpse, Unexpected
from contracts.errors import HubError
from hub import channel_places, sources
from hub.acts import act, doing
from hub.hub import Hub
from hub.sources import Agreed

SECONDS = 20.0
"""How long a source may take to show something: a person waits."""
NUMBER = 0
"""Of a channel that no agreement has yet: nothing is remembered of it."""


class TestChannel(BaseModel):
    """A channel to be looked at: one that an agreement has, or settings that are not saved yet, or both."""

    __test__ = False  # no test of pytest's

    agreement: str = Field(default="", max_length=64, examples=["YQ-2026-001"], description="Number; empty: of none yet.")
    number: int = Field(default=1, ge=1, le=20, description="Which of the agreement's channels.")
    route: Literal["request", "buy", "collect"] = Field(default="request", description="Where there is no agreement yet.")
    kind: str = Field(default="", max_length=40, examples=["folder"], description="folder, http, template …")
    settings: dict[str, Any] = Field(default={}, examples=[{"path": "inbox/water"}], description="Settings of that kind.")
    limit: int = Field(default=5, ge=1, le=50, description="How many rows or files are shown.")

    @model_validator(mode="after")
    def _something(self) -> TestChannel:
        if not self.agreement and not self.kind:
            raise PydanticCustomError("nothing_given", "name an agreement, or a kind with its settings")
        return self


class ChannelSeen(BaseModel):
    """What a source showed. `reached` false: `problem` says why, and what to do."""

    kind: str
    reached: bool
    entries: list[dict[str, str]] = Field(description="First rows, or a listing of what lies there.")
    more: bool = Field(description="There is more than is shown.")
    problem: str
    problem_en: str
    seconds: float


@act(
    "channel.test",
    policy="manage-agreement",
    zh="测试通道",
    en="test a channel",
    api="POST /channels/test",
    cli="channel test",
    portal="/agreements/{agreement}/test",
)
def look(hub: Hub, subject: Subject, given: TestChannel) -> ChannelSeen:
    """Look at what a channel holds: its first rows, or what lies there. Nothing is taken and nothing remembered."""
    with doing(hub, subject, "channel.test", agreement=given.agreement) as deed:
        agreed = _agreed(deed.agreed, given)
        _require_allowed(hub, agreed, deed.agreed)
        deed.pause()
        seen = _seen(hub, agreed, given.limit)
        deed.detail = {"kind": seen.kind, "reached": seen.reached, "problem": seen.problem_en}
        return seen


def _agreed(agreement: Agreement | None, given: TestChannel) -> Agreed:
    if agreement is None:
        unsaved = Agreement(id="", route=given.route, dataset="", title="", purpose="", provider_id="")
        return Agreed(unsaved, NUMBER, given.kind, given.settings)
    if given.kind:
        return Agreed(agreement, NUMBER, given.kind, given.settings)
    channels = {one.number: one for one in sources.of([agreement])}
    if given.number not in channels:
        raise NoSuchChannel(agreement.id, given.number)
    return channels[given.number]


class NoSuchChannel(HubError):
    """An agreement has no channel of that number."""

    def __init__(self, agreement: str, number: int) -> None:
        super().__init__(
            f"协议 {agreement} 没有第 {number} 个通道；请先在协议中填写通道。",
            f"Agreement {agreement} has no channel {number}; give it one first.",
        )


class NotMadeYet(HubError):
    """A folder of the hub's own that comes with the agreement."""

    def __init__(self) -> None:
        super().__init__(
            "文件夹尚未建立：保存协议时由平台建立，之后可在协议页再次测试。",
            "The folder is not there yet: the hub makes it when the agreement is saved; test it again on its page.",
        )


def _require_allowed(hub: Hub, agreed: Agreed, agreement: Agreement | None) -> None:
    """Who may not save a channel may not look by it either; one that the agreement has already is allowed."""
    before: list[Mapping[str, Any]] = [one.whole() for one in agreement.channels] if agreement else []
    channel = {"kind": agreed.kind, **agreed.settings}
    channel_places.require_allowed(hub.settings, agreed.agreement.route, [channel], before)


def _seen(hub: Hub, agreed: Agreed, limit: int) -> ChannelSeen:
    began, glimpse, problem = time.monotonic(), Glimpse(), HubError("", "")
    try:
        glimpse, reached = sources.opened(hub, agreed, seconds=SECONDS).peek(limit), True
    except HubError as error:
        unmade = agreed.number == NUMBER and channel_places.to_be_made(hub.settings, [agreed.settings])
        reached, problem = False, NotMadeYet() if unmade else error
    except OSError as error:
        reached, problem = False, HubError(error.strerror or str(error), error.strerror or str(error))
    except Exception as error:  # whatever a plug-in's channel does
        reached, problem = False, Unexpected(error)
    return ChannelSeen(
        kind=agreed.kind,
        reached=reached,
        entries=[dict(one) for one in glimpse.entries],
        more=glimpse.more,
        problem=problem.message,
        problem_en=problem.message_en,
        seconds=round(time.monotonic() - began, 3),
    )
