"""Which agreements a person may see, as a condition of a query.

The policies `agreements-seen`, `own-agreements-seen`, `analysts-see-agreements` and `local-operator` (catalog/access/policies)
say the same of one agreement; a register of ten thousand cannot ask them one by one. A test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import col, select

from catalog.acquisition.agreements import Agreement
from catalog.entries.resources import Resource
from catalog.entries.visibility import KNOW_ALL, discoverable
from catalog.identity.people import Role, Subject


def sees_most(subject: Subject) -> bool:
    """Whether few agreements, if any, are hidden from the subject."""
    return subject.kind == "local" or subject.has(*KNOW_ALL, Role.ANALYST)


def visible(subject: Subject) -> ColumnElement[bool]:
    """The agreements that the subject may see."""
    if subject.kind == "local" or subject.has(*KNOW_ALL):
        return true()
    if not subject.has(Role.PROVIDER, Role.ANALYST):
        return false()
    own = select(Resource.name).where(Resource.provider_id == subject.organization_id)
    theirs = [col(Agreement.provider_id) == subject.organization_id, col(Agreement.dataset).in_(own)]
    if not subject.organization_id:
        theirs = []
    if subject.has(Role.ANALYST):
        known = select(Resource.id).where(Resource.name == Agreement.dataset, discoverable(subject))
        theirs.append(known.correlate(Agreement).exists())  # looked up for each agreement: entries are many more
    return or_(false(), *theirs)
