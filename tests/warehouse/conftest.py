"""A hub with a real lake and a real catalogue, and contracts given in the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalog.ledger import CatalogLedger
from contracts.model import Contract, Delivery, Item, Type
from tests import homes
from warehouse.foreign import door
from warehouse.ingest import deliver as ingest
from warehouse.ingest import reconcile, undo
from warehouse.ingest.deliver import Delivered
from warehouse.settings import Settings
from warehouse.storage import connection


@dataclass
class Given:
    """Contracts and code lists of a test."""

    contracts: dict[str, list[Contract]] = field(default_factory=dict)
    lists: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, contract: Contract) -> Contract:
        self.contracts.setdefault(contract.dataset, []).append(contract)
        return contract

    def codes(self, name: str) -> Sequence[str]:
        return self.lists[name]

    def contract(self, dataset: str, version: str | None = None) -> Contract:
        versions = self.contracts[dataset]
        return versions[-1] if version is None else next(c for c in versions if c.version == version)


@dataclass
class Hub:
    """A whole installation to deliver to."""

    settings: Settings
    ledger: CatalogLedger
    given: Given
    folder: Path
    files: int = 0

    def file(self, text: str | bytes, name: str = "") -> Path:
        self.files += 1
        path = self.folder / (name or f"delivered-{self.files}.csv")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def deliver(self, text: str | bytes, dataset: str = "things", **told: Any) -> Delivered:
        return ingest.deliver(
            self.settings, self.ledger, self.given, self.file(text), dataset=dataset, received_by="test", **told
        )

    def reconcile(self) -> Sequence[reconcile.Reconciled]:
        return reconcile.reconcile(self.settings, self.ledger, self.given)

    def undo(self, batch_id: str) -> Any:
        return undo.undo(self.settings, self.ledger, self.given, batch_id)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with connection.reader(self.settings) as lake:
            return lake.execute(query).fetchall()

    def things(self, dataset: str = "things", library: str = "resource") -> list[tuple[Any, ...]]:
        return self.sql(f"SELECT * EXCLUDE (_batch, _row) FROM {library}.{dataset} ORDER BY ALL")


READING: Mapping[str, Any] = {"encoding": "utf-8", "delimiter": ",", "header": 1}


def thing(
    delivery: Delivery = Delivery.CHANGES,
    *,
    dataset: str = "things",
    version: str = "1.0.0",
    items: Sequence[Item] = (),
    **told: Any,
) -> Contract:
    """A contract over id (key), name, amount; further items after them."""
    keyed = delivery is not Delivery.APPEND
    return Contract(
        id=f"urn:hui:dataset:{dataset}",
        version=version,
        dataset=dataset,
        title="东西",
        title_en="Things",
        delivery=delivery,
        items=(
            Item("id", "编号", Type.STRING, key=1 if keyed else None, required=keyed),
            Item("name", "名称", Type.STRING),
            Item("amount", "数量", Type.INTEGER, minimum="0"),
            *items,
        ),
        **{"reading": READING, **told},
    )


@pytest.fixture
def hub(settings: Settings, tmp_path: Path) -> Iterator[Hub]:
    """An empty hub."""
    homes.empty(settings)
    folder = tmp_path / "delivered"
    folder.mkdir()
    yield Hub(settings, CatalogLedger(settings.catalog_database), Given(), folder)
    connection.forget(settings)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings in the test's own process, for tests that look into the readers; everyone else reads apart."""

    def run(settings: Settings, job: str, _limits: Any, request: Mapping[str, Any], **_told: Any) -> dict[str, Any]:
        from warehouse.foreign import jobs

        with door._folder(settings) as folder:
            return jobs.do(job, {**settings.model_dump(), "home": settings.root}, folder, request, lambda *_: None)

    monkeypatch.setattr(door, "run", run)
