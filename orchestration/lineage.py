"""Lineage of what the hub does: events for every step of a batch and of the models, kept in the catalogue and sent on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from catalog.deliveries.batches import Batch
from catalog.deliveries.quality import QualityResult
from catalog.lineage.graph import LineageEvent
from catalog.store import facts
from channels import registry
from channels.registry import InvalidChannel, UnknownChannel
from contracts.deliveries import Entry, Outcome, Receipt
from contracts.model import Contract
from hub import lineage
from hub.hub import Hub
from orchestration import facets

CAUGHT_UP = "lineage-caught-up"
OPEN = ("received", "checking")
REFUSED = ("refused", "returned", "held", "discarded")
AT_ONCE = 1_000


def batch_events(
    contract: Contract, entry: Entry, outcome: Outcome, *, channel: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """A batch's three steps: channel → landing, landing → raw and quarantine, raw → resource.

    A batch that was refused or returned has no load; its check fails and says why.
    """
    receipt = entry.receipt
    events = [_landed(contract, entry, channel or {}), _checked(contract, entry, outcome)]
    if outcome.state in ("loaded", "partial"):
        events.append(_loaded(contract, entry, outcome))
    parent = facets.parent(_uuid_or_empty(receipt.run_id), f"dagster.{receipt.route or 'deliver'}")
    for event in events:
        event["run"]["facets"] |= parent
    return events


def record(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    """Keep events in the catalogue; the same event again changes nothing. The caller commits."""
    lineage.keep(session, events)


def catch_up(hub: Hub, *, since: int | None = None) -> int:
    """Record batches that came another way than by a job: onboarded, submitted, reconciled. Gives how many.

    `since` is the order of the last batch that was looked at; None: where the last time ended. It never passes a batch that
    still waits to be loaded: whoever loads that one may be no job.
    """
    with hub.session() as session:
        remembered = facts.recall(session, CAUGHT_UP)
        last = int(remembered.value["sequence"]) if remembered and since is None else since or 0
        waiting = session.exec(select(func.min(Batch.sequence)).where(col(Batch.state).in_(OPEN))).one()
        before = [col(Batch.sequence) < waiting] if waiting is not None else []
        statement = select(Batch).where(col(Batch.sequence) > last, *before).order_by(col(Batch.sequence))
        done = 0
        for batch in session.exec(statement.limit(AT_ONCE)).all():
            done += _told_late(session, hub, batch)
            last = max(last, batch.sequence)
        facts.remember(session, CAUGHT_UP, {"sequence": last})
    return done


def _told_late(session: Session, hub: Hub, batch: Batch) -> bool:
    known = select(LineageEvent.id).where(LineageEvent.run_id == facets.run_id("check", batch.id)).limit(1)
    if session.exec(known).first() is not None:
        return False
    results = session.exec(select(QualityResult).where(QualityResult.batch_id == batch.id)).all()
    names = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed", "snapshot", "checks")
    outcome = Outcome(
        state=batch.state if batch.state in REFUSED else "loaded",
        message=batch.message,
        message_en=batch.message_en,
        quality=[{"rule": one.rule, "item": one.item, "rows": one.rows, "failed": one.failed} for one in results],
        **{name: getattr(batch, name) for name in names},
    )
    contract = hub.lookups.contract(batch.dataset, batch.contract_version)
    record(session, batch_events(contract, hub.ledger.entry(batch.id), outcome))
    return True


def _landed(contract: Contract, entry: Entry, channel: Mapping[str, Any]) -> dict[str, Any]:
    receipt = entry.receipt
    namespace, name = _outside(receipt, channel)
    version = facets.facet("version", datasetVersion=receipt.sha256)
    return facets.event(
        f"land.{contract.dataset}",
        facets.run_id("land", entry.batch_id),
        at=receipt.received_at,
        inputs=[facets.dataset(name, namespace)],
        outputs=[
            facets.dataset(
                f"landing.{contract.dataset}",
                facets=version,
                outputFacets=facets.facet("outputStatistics", size=receipt.bytes, fileCount=1),
            )
        ],
    )


def _checked(contract: Contract, entry: Entry, outcome: Outcome) -> dict[str, Any]:
    name = contract.dataset
    good = outcome.state in ("loaded", "partial")
    from_file = facets.column_lineage({i.name: [(f"landing.{name}", i.title)] for i in contract.items})
    outputs = [
        facets.dataset(
            f"raw.{name}",
            facets=facets.schema(contract) | from_file,
            outputFacets=facets.facet("outputStatistics", rowCount=outcome.accepted),
        )
    ]
    if outcome.quarantined:
        stopped = facets.facet("outputStatistics", rowCount=outcome.quarantined)
        outputs.append(facets.dataset(f"quarantine.{name}", outputFacets=stopped))
    message = outcome.message or outcome.state
    return facets.event(
        f"check.{name}",
        facets.run_id("check", entry.batch_id),
        at=entry.receipt.received_at,
        state="COMPLETE" if good else "FAIL",
        run_facets={} if good else facets.facet("errorMessage", message=message, programmingLanguage="SQL"),
        inputs=[facets.dataset(f"landing.{name}", inputFacets=_quality(outcome))],
        outputs=outputs if good else [],
    )


def _loaded(contract: Contract, entry: Entry, outcome: Outcome) -> dict[str, Any]:
    name = contract.dataset
    from_raw = facets.column_lineage({i.name: [(f"raw.{name}", i.name)] for i in contract.items})
    version = facets.facet("version", datasetVersion=str(outcome.snapshot)) if outcome.snapshot is not None else {}
    statistics: dict[str, Any] = {"rowCount": outcome.inserted + outcome.updated}
    if outcome.table_bytes is not None:
        statistics["size"] = outcome.table_bytes
    return facets.event(
        f"load.{name}",
        facets.run_id("load", entry.batch_id),
        at=entry.receipt.received_at,
        inputs=[facets.dataset(f"raw.{name}", facets=facets.schema(contract))],
        outputs=[
            facets.dataset(
                f"resource.{name}",
                facets=facets.told(contract) | from_raw | version,
                outputFacets=facets.facet("outputStatistics", **statistics),
            )
        ],
    )


def _quality(outcome: Outcome) -> dict[str, Any]:
    """What was measured of the delivery: rows, and each contract rule as an assertion with how many rows broke it."""
    assertions = [
        {
            "assertion": str(result["rule"]),
            "success": not result["failed"],
            "expected": "0",
            "actual": str(result["failed"]),
            **({"column": result["item"]} if result.get("item") else {}),
        }
        for result in outcome.quality
    ]
    assertions += [
        {"assertion": str(check["rule"]), "success": bool(check["passed"]), "severity": "error"} for check in outcome.checks
    ]
    metrics = facets.facet("dataQualityMetrics", rowCount=outcome.received, columnMetrics={})
    return metrics | (facets.facet("dataQualityAssertions", assertions=assertions) if assertions else {})


def _outside(receipt: Receipt, channel: Mapping[str, Any]) -> tuple[str, str]:
    """Name of what lies outside the hub, as its channel calls it, else the sender's files of this dataset."""
    with suppress(InvalidChannel, UnknownChannel):  # an agreement's channel may have been changed since
        namespace, name = registry.validate(str(channel.get("kind", "")), channel).origin()
        if namespace:
            return namespace, name or receipt.dataset
    return "file", f"{receipt.organization_id or 'local'}/{receipt.dataset}"


def _uuid_or_empty(run: str) -> str:
    return run if len(run) == 36 and run.count("-") == 4 else ""
