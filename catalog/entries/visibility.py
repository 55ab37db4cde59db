"""Who may know that an entry exists, as a condition of a query.

The policies `unified-catalogue*`, `unfinished-entries` and `local-operator` (catalog/access/policies) say the same for one
entry; a list of ten thousand cannot ask them one by one. tests/catalog/test_discovery.py holds the two together.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, not_, or_, true
from sqlmodel import col, select

from catalog.deliveries.batches import Batch
from catalog.entries.resources import STEPS, Resource, Sharing
from catalog.identity.people import Role, Subject

KNOW_ALL = (Role.STEWARD, Role.ADMINISTRATOR, Role.AUDITOR)


JUDGE_ALL = (Role.STEWARD, Role.ANALYST, Role.AUDITOR, Role.ADMINISTRATOR)


UNPUBLISHED = tuple(state for state in STEPS if state != "published")


def concerning(subject: Subject) -> ColumnElement[bool]:
    """The deliveries that concern the subject: all for those who judge, work with or audit them; for a provider those of its
    own datasets and those its organization sent."""
    if subject.kind in ("local", "system") or subject.has(*JUDGE_ALL):
        return true()
    own = select(Resource.name).where(Resource.provider_id == subject.organization_id)
    return or_(col(Batch.organization_id) == subject.organization_id, col(Batch.dataset).in_(own))


def discoverable(subject: Subject) -> ColumnElement[bool]:
    """The entries that the subject may know of: published ones, its own organization's, for some roles all."""
    published = col(Resource.state) == "published"
    if subject.kind == "anonymous":
        return and_(published, col(Resource.sharing) != int(Sharing.NOT_SHARED), col(Resource.category) == "general")
    if subject.kind in ("local", "system") or subject.has(*KNOW_ALL):
        return true()
    if not subject.organization_id:
        return published
    return or_(published, col(Resource.provider_id) == subject.organization_id)


def judged(subject: Subject) -> ColumnElement[bool]:
    """`discoverable`, judged row by row in the order that a list is read in: nearly every entry is published, and a database
    that began with an index of states sorted them all for the first four."""
    return case((discoverable(subject), 1), else_=0) == 1


def hidden_datasets(subject: Subject) -> ColumnElement[bool] | None:
    """The batches of datasets that the subject may not know of; None for those who may know all.

    Few entries are hidden and many are known: a list of the known ones grew past what a statement may hold (65,536).
    """
    if subject.kind in ("local", "system") or subject.has(*KNOW_ALL):
        return None
    unpublished = select(Resource.name).where(
        col(Resource.state).in_(UNPUBLISHED), col(Resource.provider_id) != subject.organization_id
    )
    named = select(Resource.name).where(not_(discoverable(subject))) if subject.kind == "anonymous" else unpublished
    return col(Batch.dataset).in_(named)
