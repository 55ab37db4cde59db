"""A channel by itself: a source whose memory is a dict, and a tray in the place of landing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from channels import registry
from channels.base import Channel, Source
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
