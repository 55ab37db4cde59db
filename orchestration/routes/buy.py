"""Buy (买): a vendor delivers under a contract with a price and a ceiling; spend is metered from accepted rows."""

from __future__ import annotations

from catalog.agreements import Agreement
from contracts.clock import today
from orchestration.hub import Hub
from orchestration.routes import request
from orchestration.routes.arrivals import Arrival, ChannelFailed, FetchTime
from orchestration.routes.folder import Settling

waiting = request.waiting


def arrivals(
    hub: Hub, agreement: Agreement, settling: Settling | None = None, fetching: FetchTime | None = None
) -> list[Arrival]:
    """What the vendor's channel holds ready; nothing once the contract's term is over.

    The ceiling is held by the ledger: a batch is checked against the records that are still paid for.
    """
    if agreement.valid_until and agreement.valid_until < today():
        raise ChannelFailed(
            f"采购协议 {agreement.id} 已于 {agreement.valid_until} 到期，不再接收；请续签。",
            f"The purchase {agreement.id} ended on {agreement.valid_until}; nothing more is taken. Renew it.",
        )
    return request.arrivals(hub, agreement, settling, fetching)
