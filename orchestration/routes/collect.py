"""Collect (采): agencies fill in one template; workbooks are checked at once, errors go back at their cells."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import select

from catalog.acquisition.agreements import Agreement, AgreementAgency
from hub.hub import Hub
from orchestration.routes import mailbox
from orchestration.routes.arrivals import Arrival, ChannelFailed, FetchTime
from orchestration.routes.folder import Settling


def arrivals(
    hub: Hub, agreement: Agreement, settling: Settling | None = None, fetching: FetchTime | None = None
) -> list[Arrival]:
    """Filled workbooks of the agencies that must report under the agreement."""
    if agreement.channel.get("kind") != "template" or "path" not in agreement.channel:
        raise ChannelFailed(
            f"采集协议 {agreement.id} 没有模板收件夹；请将通道设为 template 并给出 path。",
            f"The collection {agreement.id} has no mailbox; make its channel template, with a path.",
        )
    with hub.session() as session:
        asked = select(AgreementAgency.organization_id).where(AgreementAgency.agreement_id == agreement.id)
        agencies = frozenset(session.exec(asked))
    return mailbox.arrivals(hub.settings, agreement.id, agreement.channel, agreement.dataset, agencies, settling)


def waiting(hub: Hub, agreement: Agreement) -> list[Path]:
    """Workbooks in the mailbox that were not taken yet."""
    if "path" not in agreement.channel:
        return []
    return mailbox.waiting(hub.settings, agreement.id, agreement.channel)
