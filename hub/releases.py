"""Versions: what a table holds now is published as the next one; one that is wrong is recalled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from catalog.access.use import LARGEST
from catalog.entries import contracts as registry
from catalog.identity.people import Subject
from catalog.releases import releases
from catalog.releases.releases import Release
from contracts import progress
from hub.acts import act, doing
from hub.hub import Hub

Name = Annotated[str, Field(max_length=200, examples=["enterprise_registration"], description="Name of the resource.")]


class Publish(BaseModel):
    """A new version of a resource."""

    resource: Name
    note: str = Field(
        default="", max_length=2000, examples=["2026 年第一季度"], description="What is new, for those who use it."
    )


class Recall(BaseModel):
    """A version to be taken back."""

    resource: Name
    version: int = Field(ge=1, le=LARGEST, examples=[3])
    reason: str = Field(max_length=500, pattern=r"\S", examples=["坐标系有误"], description="Told to those who ask for it.")


class Version(BaseModel):
    """A version after the act. `added`, `changed`, `removed`: against the version before; null for the first."""

    resource: str
    version: int
    state: str
    rows: int
    bytes: int
    contract_version: str
    added: int | None
    changed: int | None
    removed: int | None
    note: str
    released_at: datetime
    recalled_at: datetime | None
    recall_reason: str


@act(
    "release",
    policy="release",
    zh="发布版本",
    en="publish a version",
    api="POST /resources/{resource}/versions",
    cli="release publish",
    portal="/resources/{resource}/versions/publish",
    long=True,
)
def publish(hub: Hub, subject: Subject, given: Publish) -> Version:
    """What the table holds now as the resource's next version, with its difference to the last one."""
    from warehouse.serving import diff  # here, for the start: tests/cli/test_start.py

    with doing(hub, subject, "release", given.resource) as deed:
        releases.require_published(deed.resource)
        contract = registry.active(deed.session, given.resource)
        last = releases.latest(deed.session, deed.resource)
        table, previous = f"{deed.resource.library}.{given.resource}", last.snapshot if last else None
        deed.pause()
        progress.reached("comparing")
        published = diff.publish(hub.settings, table, previous, contract.key)
        release = releases.record(
            deed.session,
            deed.resource,
            snapshot=published.snapshot,
            columns=published.columns,
            rows=published.rows,
            bytes=published.bytes,
            contract_version=contract.version,
            added=published.added,
            changed=published.changed,
            removed=published.removed,
            note=given.note,
            by=subject.actor,
        )
        deed.object, deed.detail = f"{given.resource} v{release.version}", {"rows": release.rows}
        return _version(given.resource, release)


@act(
    "recall",
    policy="recall",
    zh="召回版本",
    en="recall a version",
    api="POST /resources/{resource}/versions/{version}/recall",
    cli="release recall",
    portal="/resources/{resource}/versions/{version}/recall",
    ends=True,
)
def recall(hub: Hub, subject: Subject, given: Recall) -> Version:
    """Take a version back: from now on nobody gets it, links already given included."""
    from warehouse.serving import extracts

    with doing(hub, subject, "recall", given.resource) as deed:
        reason = given.reason.strip()
        release = releases.recall(deed.session, deed.resource, given.version, reason=reason, by=subject.actor)
        deed.object, deed.detail = f"{given.resource} v{given.version}", {"reason": reason}
        library, snapshot, recalled = str(deed.resource.library), release.snapshot, _version(given.resource, release)
    extracts.forget(hub.settings, library, given.resource, snapshot)  # once the recall is committed
    return recalled


def _version(resource: str, release: Release) -> Version:
    state = "recalled" if release.recalled_at else "in force"
    return Version(resource=resource, state=state, **{name: getattr(release, name) for name in _COPIED})


_COPIED = tuple(name for name in Version.model_fields if name not in ("resource", "state"))
