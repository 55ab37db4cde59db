"""Lineage sent on: events wait in the catalogue until the receiver at HUB_OPENLINEAGE_URL has them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

import httpx
from sqlmodel import col, func, select

from catalog import lineage
from catalog.lineage import LineageEvent
from orchestration.hub import Hub

TIMEOUT_SECONDS = 5.0
"""As OpenLineage's own clients wait."""
BATCH = 200
GZIP_BYTES = 4096
"""Bodies above this go compressed; every receiver must take gzip (OpenLineage compatibility tests)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round of sending did."""

    sent: int
    waiting: int
    problem: str = ""

    @property
    def told(self) -> str:
        """One line in both languages."""
        problem = f"（{self.problem}）" if self.problem else ""
        return (
            f"已发 {self.sent}，待发 {self.waiting}{problem} / sent {self.sent}, waiting {self.waiting} {self.problem}".strip()
        )


def send(hub: Hub, *, limit: int = 5_000) -> Sent:
    """Send waiting events, oldest first, each marked once the receiver took it; stop at the first that does not get through.

    An event that the receiver refuses as wrong (4xx) would block all after it: it is marked as sent and counted as told.
    """
    url = hub.settings.openlineage_url
    if not url:
        return Sent(0, 0)
    sent, problem = 0, ""
    address = url.rstrip("/") if url.rstrip("/").endswith("/lineage") else f"{url.rstrip('/')}/api/v1/lineage"
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        while sent < limit and not problem:
            done, problem = _round(hub, client, address, min(BATCH, limit - sent))
            sent += done
            if not done:
                break
    return Sent(sent, waiting(hub), problem)


def waiting(hub: Hub) -> int:
    """How many events wait to be sent on."""
    with hub.session() as session:
        return session.exec(select(func.count()).select_from(LineageEvent).where(col(LineageEvent.sent_at).is_(None))).one()


def _round(hub: Hub, client: httpx.Client, address: str, size: int) -> tuple[int, str]:
    """One transaction's worth of events: how many the receiver has now, and what stopped it."""
    with hub.session() as session:
        events = lineage.pending(session, size)
    taken, problem = [], ""
    for event in events:
        problem = _post(client, address, event)
        if problem and not problem.startswith("HTTP 4"):
            break
        taken.append(event.id)
        problem = ""
    with hub.session() as session:
        lineage.mark_sent(session, taken)
    return len(taken), problem


def _post(client: httpx.Client, address: str, event: LineageEvent) -> str:
    body = json.dumps(event.body, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if len(body) > GZIP_BYTES:
        body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
    try:
        answer = client.post(address, content=body, headers=headers)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    # Too many requests and time-outs are the receiver's trouble, not the event's.
    if answer.is_success or answer.status_code == 409:
        return ""
    return f"HTTP {answer.status_code}" if answer.status_code not in (408, 425, 429) else f"busy: HTTP {answer.status_code}"
