"""An act about a batch, whichever door it came by: who may know of the batch, who may act, the act, its record."""

from __future__ import annotations

from sqlmodel import Session, select

from catalog import access
from catalog.audit import chain as audit
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch, UnknownBatch
from catalog.entries import resources
from catalog.entries.resources import Resource, UnknownResource
from catalog.entries.visibility import concerning
from catalog.identity.people import Subject
from catalog.ledger import CatalogLedger, CatalogLookups
from catalog.store import database
from contracts.deliveries import Outcome
from warehouse.ingest.acts import Act
from warehouse.settings import Settings


def known(session: Session, subject: Subject, batch_id: str) -> tuple[Batch, Resource]:
    """The batch and its dataset's entry, if the subject may know of the dataset and the batch concerns them."""
    batch = batches.get(session, batch_id)
    try:
        resource = resources.get(session, batch.dataset)
    except UnknownResource as error:
        raise UnknownBatch(batch_id) from error
    if not access.may(session, subject, "discover", resource):
        raise UnknownBatch(batch_id)
    if session.exec(select(Batch.id).where(Batch.id == batch.id, concerning(subject))).first() is None:
        raise UnknownBatch(batch_id)
    return batch, resource


def stores(settings: Settings) -> tuple[CatalogLedger, CatalogLookups]:
    """The ledger and the look-ups that the warehouse works with."""
    engine = database.engine(settings.catalog_database)
    return CatalogLedger(engine), CatalogLookups(engine)


def act(session: Session, subject: Subject, settings: Settings, one: Act, batch_id: str, reason: str) -> Outcome:
    """Decide, do and record one act. Refused where no policy allows it, the act's own error where the batch does not."""
    batch, resource = known(session, subject, batch_id)
    decision = access.require(session, subject, one.action, resource)
    was = batch.state
    session.rollback()  # the warehouse writes through other connections
    outcome = one.do(settings, *stores(settings), batch_id, reason, by=subject.actor)
    detail: dict[str, object] = {"reason": reason.strip(), "was": was, "state": outcome.state}
    on_record(settings, subject, one.action, batch_id, decision.policies, detail)
    return outcome


def on_record(
    settings: Settings,
    subject: Subject,
    action: str,
    batch_id: str,
    policies: tuple[str, ...],
    detail: dict[str, object],
    outcome: str = "done",
) -> None:
    """One act about a batch, in a transaction of its own: the ledger has written through other connections meanwhile."""
    with database.session(settings.catalog_database) as session:
        audit.record(
            session,
            actor=subject.actor,
            organization_id=subject.organization_id,
            action=action,
            object=f"batch:{batch_id}",
            outcome=outcome,
            policies=policies,
            detail=detail,
        )
