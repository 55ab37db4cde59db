"""A process that works on a hub until it is done or killed: what the crash test starts, kills and starts again.

python -m tests.crash.working SETTINGS SCRIPT, both JSON. It says when it begins. SCRIPT is a list of steps:
["deliver", dataset, file] · ["collect", dataset, file] ·
["undo", dataset, n] · ["reconcile"] · ["release", dataset] · ["maintain"] · ["backup", folder]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from catalog.acquisition.agreements import Agreement
from catalog.identity.organizations import Organization
from catalog.ledger import CatalogLedger
from contracts.model import Delivery
from hub.hub import Hub
from tests.agreeing import flat
from tests.warehouse.conftest import Given, thing
from warehouse.ingest import deliver as ingest
from warehouse.ingest import reconcile, undo
from warehouse.settings import Settings
from warehouse.storage import connection

READY = "ready\n"
DATASETS = {"changed": Delivery.CHANGES, "complete": Delivery.FULL, "series": Delivery.APPEND}


def contracts() -> Given:
    """The contracts of every crash test."""
    from contracts.model import BatchRules

    given = Given()
    for dataset, delivery in DATASETS.items():
        given.add(thing(delivery, dataset=dataset, batch_rules=BatchRules(vanish_share=1.0)))
    return given


def run(settings: Settings, steps: list[list[str]]) -> None:
    """Do the steps in order."""
    ledger, given = CatalogLedger(settings.catalog_database), contracts()
    for verb, *told in steps:
        if verb == "deliver":
            ingest.deliver(settings, ledger, given, Path(told[1]), dataset=told[0], received_by="crash test")
        elif verb == "collect":
            _collect(settings, ledger, given, told[0], Path(told[1]))
        elif verb == "undo":
            undo.undo(settings, ledger, given, ledger.history(told[0])[int(told[1])].batch_id)
        elif verb == "reconcile":
            reconcile.reconcile(settings, ledger, given)
        elif verb == "release":
            _release(settings, told[0])
        elif verb == "maintain":
            _maintain(settings, ledger, given)
        elif verb == "backup":
            from warehouse.storage import backup

            backup.backup(settings, Path(told[0]))
    connection.forget(settings)


def _collect(settings: Settings, ledger: CatalogLedger, given: Given, dataset: str, file: Path) -> None:
    """The file lies in a watched folder; its channel is collected from, and what waits is loaded, as a run does it."""
    from hub import sources
    from orchestration.collect import collect
    from orchestration.load import Loading
    from orchestration.rounds import Round

    hub = Hub(settings, ledger.engine, ledger, given)  # type: ignore[arg-type]
    _agree(hub, dataset)
    place = settings.root / "inbox" / file.name
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        shutil.copy2(file, place)
    whole = Round()
    whole.begin({dataset: frozenset()}, [dataset])
    whole.bring(collect(hub, sources.in_force(hub, [dataset])[dataset][0]))
    whole.end()
    for turn in Loading(hub, whole, frozenset([dataset])).run():
        assert not turn.failed, turn.notes


def _agree(hub: Hub, dataset: str) -> None:
    with hub.session() as session:
        if session.get(Agreement, f"XY-{dataset}") is None:
            session.merge(Organization(id="sender", name="sender", kind="department"))
            session.flush()
            channel = {"kind": "folder", "path": "inbox", "settle_seconds": 0}
            told = {"route": "request", "dataset": dataset, "title": dataset, "purpose": "测试", "provider_id": "sender"}
            session.add(flat(id=f"XY-{dataset}", channel=channel, state="signed", **told))


def _release(settings: Settings, dataset: str) -> None:
    """Publish version n + 1; the catalogue's part is a file beside the home, pinned before anything may expire."""
    from warehouse.serving import diff as release

    pins = settings.root / "pins.json"
    held = json.loads(pins.read_text()) if pins.exists() else []
    last = next((p["snapshot"] for p in reversed(held) if p["dataset"] == dataset), None)
    made = release.publish(settings, f"resource.{dataset}", last, ("id",))
    held.append({"dataset": dataset, "snapshot": made.snapshot, "rows": made.rows})
    pins.write_text(json.dumps(held))


def _maintain(settings: Settings, ledger: CatalogLedger, given: Given) -> None:
    from warehouse.storage import maintenance

    pins = settings.root / "pins.json"
    held = json.loads(pins.read_text()) if pins.exists() else []
    reconcile.reconcile(settings, ledger, given)
    maintenance.maintain(
        settings, {p["snapshot"]: [p["dataset"]] for p in held}, keep_seconds=0, grace_seconds=0, orphan_seconds=0
    )


if __name__ == "__main__":
    print(READY, end="", flush=True)
    run(Settings(**json.loads(sys.argv[1])), json.loads(sys.argv[2]))
