"""A channel by itself: a source whose memory is a dict, and a tray in the place of landing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from channels import registry
from channels.base import Channel, ChannelFailed, Source
from channels.ports import Arrival, Received
from channels.settling import Settling
from hub.sources import ProcessReaders
from tests.orchestration.conftest import hub  # noqa: F401 - a fixture
from warehouse.settings import Settings


class Notebook(dict[str, Any]):
    """channels.ports.Memory that ends with the test."""

    def read(self) -> dict[str, Any]:
        return dict(self)

    def write(self, changes: Mapping[str, Any]) -> None:
        self.update(changes)


@dataclass
class Tray:
    """channels.ports.Landing that keeps what comes, for the test to look at."""

    arrivals: list[Arrival] = field(default_factory=list)

    def receive(self, arrival: Arrival) -> Received:
        self.arrivals.append(arrival)
        return Received(arrival, "20260301-0001")

    @property
    def names(self) -> list[str]:
        return [arrival.filename for arrival in self.arrivals]

    @property
    def received(self) -> list[Received]:
        return [Received(arrival, "20260301-0001") for arrival in self.arrivals]


@dataclass
class Mouth(Tray):
    """A landing that takes the bytes, as the hub's does: what fails on the way is told and not received."""

    bytes: int = 0
    told: list[ChannelFailed] = field(default_factory=list)
    before: Callable[[Arrival], object] = lambda arrival: None

    def receive(self, arrival: Arrival) -> Received | None:
        self.before(arrival)
        assert not isinstance(arrival.content, Path)
        try:
            self.bytes += sum(map(len, arrival.content()))
        except ChannelFailed as failure:
            self.told.append(failure)
            return None
        return super().receive(arrival)


_notebooks: dict[Path, Notebook] = {}


def opened(
    settings: Settings,
    channel: Mapping[str, Any],
    *,
    route: str = "",
    settling: Settling | None = None,
    seconds: float = float("inf"),
) -> Channel[Any]:
    """A channel of the agreement XY-1; those of one home share a memory."""
    source = Source(
        "XY-1",
        "level",
        settings.root,
        settings.root / "routes" / "XY-1",
        _notebooks.setdefault(settings.root, Notebook()),
        ProcessReaders(settings),
        "hlj-water",
        settling=settling or Settling(),
        seconds=seconds,
    )
    return registry.opened(str(channel["kind"]), channel, source, route=route)


def collected(settings: Settings, channel: Mapping[str, Any], **more: Any) -> Tray:
    """What a channel gives at one look; it is not told that anything was received."""
    tray = Tray()
    opened(settings, channel, **more).collect(tray)
    return tray


def eaten(settings: Settings, channel: Mapping[str, Any], mouth: Mouth | None = None) -> Mouth:
    """One collect whose bytes are taken, acknowledged."""
    mouth, one = mouth or Mouth(), opened(settings, channel)
    one.collect(mouth)
    one.acknowledge(mouth.received)
    return mouth


def refused(settings: Settings, channel: Mapping[str, Any]) -> str:
    """What a channel says, in English, that cannot be read at all."""
    with pytest.raises(ChannelFailed) as raised:
        eaten(settings, channel)
    return raised.value.message_en
