"""The table of acts, complete: every room of acts is imported here."""

from __future__ import annotations

from hub import contracts, deliveries, entries, keys, organizations, own, people, releases, sharing
from hub.acts import ACTS, Act

__all__ = ["ACTS", "Act", "contracts", "deliveries", "entries", "keys", "organizations", "own", "people", "releases", "sharing"]
