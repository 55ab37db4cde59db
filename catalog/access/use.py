"""A use of data at the door: which version, the decision, and the record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from catalog import access
from catalog.access import Decision
from catalog.audit import chain, groups
from catalog.audit.chain import Draft
from catalog.deliveries import batches
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.releases import releases
from catalog.releases.releases import Release
from contracts.model import Contract
from contracts.view import View

LARGEST = 2**31 - 1
"""Largest number of a version that may be asked for; what is beyond fits no database."""
CURRENT = "current"
"""The table as it is now, for its provider and those who work in the hub."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An allowed use of one version of a dataset."""

    resource: Resource
    contract: Contract
    decision: Decision
    view: View
    release: Release | None
    """None: the table as it is now."""

    @property
    def snapshot(self) -> int | None:
        """Lake snapshot to read; None: now."""
        return self.release.snapshot if self.release else None


def known(session: Session, subject: Subject, name: str) -> Resource:
    """The resource of that name, if the subject may know of it; otherwise it is as if it were not there."""
    resource = resources.get(session, name)
    if not access.may(session, subject, "read-metadata", resource):
        raise resources.UnknownResource(name)
    return resource


def read(session: Session, subject: Subject, name: str, action: str, *, version: str = "", purpose: str = "") -> Reading:
    """Decide on a use of data. `version`: a number, "current", or empty for the newest version in force."""
    return decided(session, subject, known(session, subject, name), action, version=version, purpose=purpose)


def decided(
    session: Session,
    subject: Subject,
    resource: Resource,
    action: str,
    *,
    version: str = "",
    purpose: str = "",
    sender_id: str | None = None,
) -> Reading:
    """The same for a resource at hand. Refused before anything is said about versions; a recalled one is refused by policy.
    `sender_id`: only the rows that this organization sent are wanted."""
    contract = registry.active(session, resource.name)
    unreleased = version == CURRENT
    release = _release(session, resource, version)
    decision = access.require(
        session,
        subject,
        action,
        resource,
        purpose=purpose,
        recalled=release is not None and release.recalled_at is not None,
        unreleased=unreleased,
        sender_id=sender_id,
        contract=contract,
    )
    if release is None and not unreleased:
        release = releases.get(session, resource, int(version) if version.isdigit() else None)
    assert decision.view is not None  # noqa: S101 - a use of data allowed without a view does not exist
    return Reading(resource, contract, decision, decision.view, release)


def newest(session: Session, subject: Subject, resource: Resource, action: str) -> Reading:
    """The newest version in force; where there is none, the table as it is now, for whom it is; and for a look by one that may
    do neither, the rows that its own organization sent. Refused as the first of these ways was."""
    ways: list[tuple[str, str | None]] = [("", None), (CURRENT, None)]
    if action == "preview" and batches.loaded_from(session, resource.name, subject.organization_id):
        ways.append((CURRENT, subject.organization_id))
    refused: access.Refused | None = None
    for version, sender in ways:
        try:
            return decided(session, subject, resource, action, version=version, sender_id=sender)
        except releases.UnknownRelease:
            continue
        except access.Refused as refusal:
            refused = refused or refusal
    assert refused is not None  # noqa: S101 - the table as it is now is read or refused
    raise refused


def record(session: Session, subject: Subject, action: str, reading: Reading, **detail: Any) -> None:
    """Leave the use on record, committed when this returns, together with those of other requests."""
    groups.record(session, **_fields(subject, action, reading, detail))


def entry(subject: Subject, action: str, reading: Reading, **detail: Any) -> Draft:
    """The record of the use, without its place in the chain."""
    return chain.draft(**_fields(subject, action, reading, detail))


def _fields(subject: Subject, action: str, reading: Reading, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "actor": subject.actor,
        "organization_id": subject.organization_id,
        "action": action,
        "object": reading.resource.name,
        "purpose": reading.decision.purpose,
        "outcome": "allowed",
        "policies": reading.decision.policies,
        "detail": {"version": reading.release.version if reading.release else CURRENT, "by": reading.view.reason, **detail},
    }


def _release(session: Session, resource: Resource, version: str) -> Release | None:
    if version.isdigit():
        return session.get(Release, (resource.id, int(version)))
    return None if version == CURRENT else releases.latest(session, resource)
