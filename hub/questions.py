"""Questions in SQL: asked under one's rights, on record with their words, whichever door they come by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog import access
from catalog.access import compiled
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.people import Subject
from catalog.releases import releases
from contracts.view import View
from hub.acts import act
from hub.hub import Hub
from warehouse.serving import pages, questions
from warehouse.serving.sql_rewrite import Name

MOST_ROWS = 100_000
LONGEST_RECORDED = 2_000
Text = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        examples=["SELECT status, count(*) AS number FROM resource.enterprise_registration GROUP BY status"],
        description="One SELECT over resource.…, theme.… and topic.… tables.",
    ),
]


class Question(BaseModel):
    """A question in SQL."""

    sql: Text
    purpose: str = Field(default="", max_length=500, description="What the answer is used for; kept in the audit record.")
    limit: int = Field(default=10_000, ge=1, le=MOST_ROWS, description="Most rows to answer with.")
    seconds: float = Field(default=30, gt=0, le=60, description="Stop after so many seconds.")


class Column(BaseModel):
    """A column of an answer, with Arrow's name of its type."""

    name: str
    type: str


class Answered(BaseModel):
    """An answer. `complete`: there are no more rows than these."""

    columns: list[Column]
    rows: list[dict[str, Any]]
    complete: bool


@dataclass(slots=True)
class Permitted:
    """What a question may read: a view of each table, and the version it is read at (none: as it is now)."""

    views: dict[Name, View] = field(default_factory=dict)
    snapshots: dict[Name, int] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)


@act(
    "query",
    policy="query",
    zh="用 SQL 查询",
    en="ask in SQL",
    api="POST /sql",
    cli="sql",
    portal="/query",
    streams=True,
)
def ask(hub: Hub, subject: Subject, given: Question) -> Answered:
    """Ask the lake in SQL, under one's rights: joins, windows and subqueries are fine, changes are not."""
    found = answer(hub, subject, given)
    return Answered(columns=columns(found.table), rows=found.table.to_pylist(), complete=found.complete)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer as an Arrow table, and whether it is all of it. `still`: whether the rights that it rests on are there, and
    the same; it is asked before anything leaves (Refused, ChangedMeanwhile where they are not)."""

    table: pa.Table
    complete: bool
    still: Callable[[], bool]


def answer(hub: Hub, subject: Subject, given: Question) -> Found:
    """The answer; a question runs for up to a minute, and what its asker may read is looked at again after it."""
    token = compiled.token(hub.engine)
    allowed = permitted(hub, subject, given.sql, given.purpose)
    found = questions.answer(
        hub.settings, given.sql, allowed.views, limit=given.limit, seconds=given.seconds, snapshots=allowed.snapshots
    )
    still = partial(_still, hub, subject, given, token, allowed)
    if not still():
        raise compiled.ChangedMeanwhile
    return Found(*found, still)


def _still(hub: Hub, subject: Subject, given: Question, token: str, allowed: Permitted) -> bool:
    if compiled.token(hub.engine) == token:
        return True
    with hub.session() as session:
        now = people.again(session, subject)
    return now is not None and permitted(hub, now, given.sql, given.purpose) == allowed


def columns(table: pa.Table) -> list[Column]:
    """Names and types of an answer's columns."""
    return [Column(name=one.name, type=str(one.type)) for one in table.schema]


def unreadable(error: Exception) -> pages.QueryInvalid:
    """An answer whose values cannot be written: Python knows the years 1 to 9999, a row has each name once."""
    if isinstance(error, OverflowError):
        return pages.QueryInvalid(
            "结果中有公元 1 年至 9999 年之外的日期；请用 CAST(… AS VARCHAR) 输出。",
            "The answer has dates outside the years 1 to 9999; tell them by CAST(… AS VARCHAR).",
        )
    return pages.QueryInvalid(
        "结果中有重名的列或字段；请用 AS 命名。", "The answer has columns or fields of the same name; name them with AS."
    )


def permitted(hub: Hub, subject: Subject, sql: str, purpose: str) -> Permitted:
    """Decide on every table that a question names, and leave one record of it with its words, refused or not.

    Those who work in the hub, and providers, ask the tables as they are now; partners the newest version in force. What the
    gate refuses is on record too: whoever tries to read files through a question has tried it. Errors: QueryInvalid,
    QueryRefused, Refused.
    """
    try:
        named = pages.tables(sql)
    except pages.QueryRefused:
        _record(hub, subject, sql, purpose, "", "refused", [])
        raise
    about = ", ".join(".".join(name) for name in sorted(named))
    allowed = Permitted()
    try:
        with hub.session() as session:
            for name in sorted(named):
                _decide(session, subject, name, purpose, allowed)
    except access.Refused as refusal:
        _record(hub, subject, sql, purpose, about, "refused", refusal.decision.policies)
        refusal.on_record = True
        raise
    outcome = "refused" if allowed.views.keys() < named else "allowed"
    _record(hub, subject, sql, purpose, about, outcome, sorted(allowed.policies))
    return allowed


def _decide(session: Session, subject: Subject, name: Name, purpose: str, allowed: Permitted) -> None:
    """Add the view of a table; a name that is hidden from the subject is as one that is not there."""
    library, dataset = name
    try:
        resource = resources.get(session, dataset)
    except resources.UnknownResource:
        return
    if str(resource.library) != library or not access.may(session, subject, "read-metadata", resource):
        return
    decision = access.decide(session, subject, "query", resource, purpose=purpose, unreleased=True)
    if not decision.allowed:
        decision = access.require(session, subject, "query", resource, purpose=purpose)
        allowed.snapshots[name] = releases.get(session, resource).snapshot
    if decision.view is not None:
        allowed.views[name] = decision.view
        allowed.policies |= set(decision.policies)


def _record(
    hub: Hub, subject: Subject, sql: str, purpose: str, about: str, outcome: str, policies: list[str] | tuple[str, ...]
) -> None:
    with hub.session() as session:
        audit.record(
            session,
            actor=subject.actor,
            organization_id=subject.organization_id,
            action="query",
            object=about,
            purpose=purpose,
            outcome=outcome,
            policies=list(policies),
            detail={"sql": sql[:LONGEST_RECORDED], **(hub.where if outcome == "refused" else {})},
        )
