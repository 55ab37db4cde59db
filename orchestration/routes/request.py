"""Request (要): a department delivers under its agreement, into a watched folder or through its endpoint."""

from __future__ import annotations

from pathlib import Path

from catalog.acquisition.agreements import Agreement
from hub.hub import Hub
from orchestration.routes import endpoint, folder
from orchestration.routes.arrivals import Arrival, ChannelFailed, FetchTime
from orchestration.routes.folder import Settling


def arrivals(
    hub: Hub, agreement: Agreement, settling: Settling | None = None, fetching: FetchTime | None = None
) -> list[Arrival]:
    """What the agreement's channel holds ready."""
    channel = agreement.channel
    match channel.get("kind"):
        case "folder":
            return folder.arrivals(hub.settings, agreement.id, channel, agreement.provider_id, settling)
        case "http":
            fetching = fetching or FetchTime(hub.settings.run_fetch_seconds)
            with fetching.asking() as seconds:
                return endpoint.arrivals(hub.settings, agreement.id, channel, agreement.provider_id, seconds)
    raise ChannelFailed(
        f"协议 {agreement.id} 的通道「{channel.get('kind', '')}」无法接收；请设为 folder 或 http。",
        f"Agreement {agreement.id} has the channel {channel.get('kind', '')!r}; make it folder or http.",
    )


def waiting(hub: Hub, agreement: Agreement) -> list[Path]:
    """Files in a watched folder that were not taken yet; an endpoint is asked by its schedule, not watched."""
    if agreement.channel.get("kind") != "folder":
        return []
    return folder.waiting(hub.settings, agreement.id, agreement.channel)
