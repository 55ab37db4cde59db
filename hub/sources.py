"""Agreements' channels, opened: each with its memory, its readers, its folder. Which channels an agreement has is read here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from catalog.acquisition.agreements import IN_FORCE, Agreement, AgreementAgency
from catalog.acquisition.memory import CatalogMemory
from catalog.deliveries.batches import Batch
from channels.base import Channel, Source, as_taken
from channels.settling import Settling
from contracts.deliveries import Receipt
from contracts.excel.marks import TemplateMark
from contracts.model import Delivery
from contracts.pages import NoPage, PageRead, PageRequest
from hub.hub import Hub
from warehouse.foreign.telling import CannotBeRead
from warehouse.settings import Settings

FOLDER = "routes"
"""In HUB_HOME: what channels have fetched by halves."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """One channel of an agreement."""

    agreement: Agreement
    number: int
    kind: str
    settings: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """What it feeds."""
        return self.agreement.dataset

    @property
    def label(self) -> str:
        """How it is called among all: by its agreement's number, its own where there are several."""
        return self.agreement.id if self.number == 1 else f"{self.agreement.id}-{self.number}"


def in_force(hub: Hub, datasets: Iterable[str] = (), route: str = "") -> dict[str, list[Agreed]]:
    """Channels of the agreements in force by dataset, in the order of their numbers; one query for a thousand datasets."""
    wanted = set(datasets)
    with hub.session() as session:
        statement = select(Agreement).where(col(Agreement.state).in_(IN_FORCE), *((Agreement.route == route,) if route else ()))
        chosen = [one for one in session.exec(statement.order_by(Agreement.id)) if not wanted or one.dataset in wanted]
        by_dataset: dict[str, list[Agreed]] = {}
        for agreed in of(chosen):
            by_dataset.setdefault(agreed.dataset, []).append(agreed)
        return by_dataset


def of(agreements: Sequence[Agreement]) -> list[Agreed]:
    """The channels of agreements. The one place that knows where they are kept."""
    return [
        Agreed(agreement, channel.number, channel.kind, {**channel.settings, **channel.secrets})
        for agreement in agreements
        for channel in agreement.channels
    ]


def came_by(session: Session, receipt: Receipt) -> Agreed | None:
    """The channel by which a delivery came: its mark names the number of one that is not the first."""
    agreement = session.get(Agreement, receipt.agreement_id) if receipt.agreement_id else None
    channels = of([agreement]) if agreement else []
    number, _, rest = receipt.mark.partition(":")
    wanted = int(number) if rest and number.isdigit() else 1
    return next((one for one in channels if one.number == wanted), channels[0] if channels else None)


def opened(hub: Hub, agreed: Agreed, *, settling: Settling | None = None, seconds: float = float("inf")) -> Channel[Any]:
    """A channel of an agreement, ready to be looked at. Errors: UnknownChannel, InvalidChannel."""
    from channels import registry  # here, for the start: tests/cli/test_start.py

    agreement = agreed.agreement
    memory = CatalogMemory(hub.engine, agreement.id, agreed.number)
    _take_over(hub, agreed, memory)
    source = Source(
        agreement.id,
        agreement.dataset,
        hub.settings.root,
        folder(hub.settings, agreed),
        memory,
        ProcessReaders(hub.settings),
        agreement.provider_id,
        _agencies(hub, agreement) if agreement.route == "collect" else frozenset(),
        settling or Settling(),
        seconds,
        lambda: _takes_whole(hub, agreement.dataset),
    )
    return registry.opened(agreed.kind, agreed.settings, source, route=agreement.route)


def folder(settings: Settings, agreed: Agreed) -> Path:
    """The channel's own folder in HUB_HOME."""
    return settings.root / FOLDER / agreed.label.replace("/", "_")


@dataclass(frozen=True, slots=True)
class ProcessReaders:
    """channels.ports.Readers by the reading processes of the warehouse."""

    settings: Settings

    def page(self, path: Path, request: PageRequest, target: Path, *, name: str, seconds: float) -> PageRead:
        """The records of one page as lines in `target`. Errors: NoPage."""
        from warehouse.foreign import files

        try:
            return files.page(path, request, target, self.settings, name=name, seconds=seconds)
        except CannotBeRead as trouble:
            raise NoPage(
                f"{trouble.why[0]}；请让接口把页分小，或与提供方核对",
                f"{trouble.why[1]}. Have the endpoint send smaller pages, or look at it with the provider",
            ) from trouble

    def identify(self, path: Path) -> TemplateMark | None:
        """The mark of a workbook made from one of the hub's templates."""
        from warehouse.foreign import files

        return files.identify(path, self.settings)

    def sender(self, mark: TemplateMark, uploader: str) -> str:
        """Which organization sent a workbook."""
        from warehouse.ingest import senders

        return senders.sender(self.settings, mark, uploader)


def _takes_whole(hub: Hub, dataset: str) -> bool:
    try:
        return hub.lookups.contract(dataset).delivery is Delivery.FULL
    except KeyError:
        return False  # there is no contract: receiving says so


def _agencies(hub: Hub, agreement: Agreement) -> frozenset[str]:
    with hub.session() as session:
        statement = select(AgreementAgency.organization_id).where(AgreementAgency.agreement_id == agreement.id)
        return frozenset(session.exec(statement))


def _take_over(hub: Hub, agreed: Agreed, memory: CatalogMemory) -> None:
    """What earlier versions kept in files beside the catalogue comes into it at the first look, and the files go.

    A file whose batch the catalogue does not know any more is new again: the catalogue was brought back from before.
    """
    own = folder(hub.settings, agreed)
    seen, since = own.parent / f"{own.name}.json", own / "since.txt"
    if agreed.number != 1 or not (seen.exists() or since.exists()):
        return
    with suppress(FileNotFoundError, ValueError):
        known = json.loads(seen.read_text(encoding="utf-8"))
        with hub.session() as session:
            there = set(session.exec(select(Batch.id).where(Batch.agreement_id == agreed.agreement.id)))
        taken = {name: one for name, one in known.items() if len(one) < 3 or not one[2] or one[2] in there}
        memory.write({key: value for name, one in taken.items() for key, value in as_taken(name, one[:2]).items()})
    with suppress(FileNotFoundError, UnicodeDecodeError):
        memory.write({"since": since.read_text(encoding="utf-8")})
    for file in (seen, since):
        file.unlink(missing_ok=True)
