"""Lineage sent on: events wait in the catalogue until the receiver at HUB_OPENLINEAGE_URL has them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

import httpx
from sqlmodel import col, func, select

from catalog.lineage import graph as lineage
from catalog.lineage.graph import LineageEvent
from hub.hub import Hub

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
    refused: int = 0

    @property
    def told(self) -> str:
        """One line in both languages."""
        problem = f"（{self.problem}）" if self.problem else ""
        return (
            f"已发 {self.sent}，待发 {self.waiting}，被拒 {self.refused}{problem} / "
            f"sent {self.sent}, waiting {self.waiting}, refused {self.refused} {self.problem}".strip()
        )


def send(hub: Hub, *, limit: int = 5_000) -> Sent:
    """Send waiting events, oldest first, each marked once the receiver took it; stop at the first that does not get through.

    An event that the receiver refuses as wrong (4xx) would block all after it: it is marked as refused, with why, and passed.
    """
    url = hub.settings.openlineage_url
    if not url:
        return Sent(0, 0)
    sent, refused, problem = 0, 0, ""
    address = url.rstrip("/") if url.rstrip("/").endswith("/lineage") else f"{url.rstrip('/')}/api/v1/lineage"
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        while sent < limit and not problem:
            done, passed, problem = _round(hub, client, address, min(BATCH, limit - sent))
            sent, refused = sent + done, refused + passed
            if not done and not passed:
                break
    return Sent(sent, waiting(hub), problem, refused)


def waiting(hub: Hub) -> int:
    """How many events wait to be sent on."""
    with hub.session() as session:
        statement = select(func.count()).select_from(LineageEvent)
        return session.exec(statement.where(col(LineageEvent.sent_at).is_(None), LineageEvent.refusal == "")).one()


def _round(hub: Hub, client: httpx.Client, address: str, size: int) -> tuple[int, int, str]:
    """One transaction's worth of events: how many the receiver has now, how many it refused, and what stopped it."""
    with hub.session() as session:
        events = lineage.pending(session, size)
    taken, refusals, problem = [], dict[int, str](), ""
    for event in events:
        problem = _post(client, address, event)
        if problem and not problem.startswith("HTTP 4"):
            break
        if problem:
            refusals[event.id or 0] = problem
        else:
            taken.append(event.id)
        problem = ""
    with hub.session() as session:
        lineage.mark_sent(session, taken)
        lineage.mark_refused(session, refusals)
    return len(taken), len(refusals), problem


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
