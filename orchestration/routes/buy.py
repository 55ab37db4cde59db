"""Buy (买): a vendor delivers under a contract with a price and a ceiling; spend is metered from accepted rows."""

from __future__ import annotations

from catalog.acquisition.agreements import Agreement
from hub.hub import Hub
from orchestration.routes import request
from orchestration.routes.arrivals import Arrival, FetchTime
from orchestration.routes.folder import Settling

waiting = request.waiting


def arrivals(
    hub: Hub, agreement: Agreement, settling: Settling | None = None, fetching: FetchTime | None = None
) -> list[Arrival]:
    """What the vendor's channel holds ready.

    The ceiling is held by the ledger: a batch is checked against the records that are still paid for.
    """
    return request.arrivals(hub, agreement, settling, fetching)
