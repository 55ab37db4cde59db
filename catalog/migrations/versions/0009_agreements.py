"""An agreement's common part, terms of each route, channels and steps in tables of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime
from catalog.workdays import Calendar
from contracts.clock import day_of

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True)
SECRETS = ("token_env", "token_file")
TERMS: Mapping[str, tuple[str, tuple[tuple[str, Any, Any], ...]]] = {
    "request": ("requestterms", (("answer_due", sa.Date(), None), ("extended", sa.Boolean(), sa.false()))),
    "buy": (
        "purchaseterms",
        (
            ("contract_number", sa.String(), ""),
            ("price_per_record", sa.Numeric(12, 4), None),
            ("ceiling", sa.Numeric(14, 2), None),
            ("permitted_purposes", JSON, "[]"),
            ("redistribution", sa.Boolean(), sa.false()),
            ("why_bought", sa.String(), ""),
            ("fills_dataset", sa.String(), ""),
            ("fills_items", JSON, "[]"),
        ),
    ),
    "collect": (
        "collectionterms",
        (
            ("template_version", sa.String(), ""),
            ("period", sa.String(), "month"),
            ("due_day", sa.Integer(), "5"),
            ("due_months", sa.Integer(), "1"),
        ),
    ),
}
"""Route: the table of its terms, and its columns with their type and the value where there is none (None: may be null)."""
SIGNED = (("provider_signed_on", "route = 'request'"), ("steward_signed_on", "1 = 1"))


def upgrade() -> None:
    _make_tables()
    for name, where in SIGNED:
        op.add_column("agreement", sa.Column(name, sa.Date(), nullable=True))
        op.execute(f"UPDATE agreement SET {name} = signed_on WHERE {where}")  # noqa: S608 - our own names
    for route, (table, columns) in TERMS.items():
        names = ", ".join(name for name, _, _ in columns)
        op.execute(
            f"INSERT INTO {table} (agreement_id, {names}) SELECT id, {names} FROM agreement WHERE route = '{route}'"  # noqa: S608
        )
    _channels_over()
    _steps_from_dates()
    for _, columns in TERMS.values():
        for name, _, _ in columns:
            op.drop_column("agreement", name)
    op.drop_column("agreement", "channel")
    op.create_index(op.f("ix_batch_agreement_id_state_sequence"), "batch", ["agreement_id", "state", "sequence"])


def _make_tables() -> None:
    for table, columns in TERMS.values():
        op.create_table(
            table,
            sa.Column("agreement_id", sa.String(), nullable=False),
            *(sa.Column(name, kind, nullable=empty is None) for name, kind, empty in columns),
            sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f(f"fk_{table}_agreement_id_agreement")),
            sa.PrimaryKeyConstraint("agreement_id", name=op.f(f"pk_{table}")),
        )
    op.create_table(
        "agreementchannel",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("secrets", JSON, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_agreementchannel_agreement_id_agreement")),
        sa.PrimaryKeyConstraint("agreement_id", "number", name=op.f("pk_agreementchannel")),
    )
    texts = ("act", "before", "after", "by", "person_id", "organization_id", "side", "reason")
    op.create_table(
        "agreementstep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("began", sa.Date(), nullable=True),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_agreementstep_agreement_id_agreement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreementstep")),
    )
    op.create_index(op.f("ix_agreementstep_agreement_id"), "agreementstep", ["agreement_id"])


def _channels_over() -> None:
    """The one channel of each agreement becomes its first."""
    channels = sa.table(
        "agreementchannel",
        sa.column("agreement_id"),
        sa.column("number"),
        sa.column("kind"),
        sa.column("settings", JSON),
        sa.column("secrets", JSON),
    )
    found: Any = op.get_bind().execute(sa.text("SELECT id, channel FROM agreement")).all()
    for agreement_id, channel in found:
        whole = json.loads(channel) if isinstance(channel, str) else channel
        if not whole:
            continue
        settings = {name: value for name, value in whole.items() if name != "kind" and name not in SECRETS}
        secrets = {name: whole[name] for name in SECRETS if whole.get(name)}
        row = {"agreement_id": agreement_id, "number": 1, "kind": str(whole.get("kind", "")), "settings": settings}
        op.get_bind().execute(channels.insert(), [{**row, "secrets": secrets}])


def _steps_from_dates() -> None:
    """What the dates tell of each agreement: entered, answered, signed, and when its first data came. By whom was not kept."""
    agreement = sa.table(
        "agreement",
        *(sa.column(name) for name in ("id", "route", "state", "answer")),
        *(sa.column(name, sa.Date()) for name in ("needed_on", "answered_on", "answer_due", "signed_due", "signed_on")),
        sa.column("created_at", UtcDateTime()),
    )
    first = dict(_first_data())
    calendar = _calendar()
    rows = []
    found: Any = op.get_bind().execute(sa.select(agreement)).mappings()
    for one in found:
        rows += _steps(one, first.get(one["id"]), calendar)
    kinds: dict[str, Any] = {"day": sa.Date(), "at": UtcDateTime(), "began": sa.Date(), "due": sa.Date(), "detail": JSON}
    if rows:
        steps = sa.table("agreementstep", *(sa.column(name, kinds.get(name)) for name in rows[0]))
        op.get_bind().execute(steps.insert(), rows)


def _steps(one: Mapping[str, Any], came: date | None, calendar: Calendar) -> list[dict[str, Any]]:
    entered, answered, signed = one["needed_on"], one["answered_on"], one["signed_on"]
    row = _step(one, calendar)
    rows = [row("need.enter", "", "needed", entered, "steward")]
    state = "needed"
    if answered:
        state = "refused" if one["state"] == "refused" else "accepted"
        rows.append(row("need.answer", "needed", state, answered, "provider", entered, one["answer_due"], one["answer"]))
    if signed:
        side = "provider、steward" if one["route"] == "request" else "steward"
        rows.append(row("agreement.sign", state, "signed", signed, side, answered or entered, one["signed_due"]))
    if signed and came and one["state"] in ("active", "ended"):
        rows.append(row("delivery.first", "signed", "active", came, "hub"))
    return rows


def _step(one: Mapping[str, Any], calendar: Calendar) -> Callable[..., dict[str, Any]]:
    def row(
        act: str, before: str, after: str, day: date, side: str, began: date | None = None, due: date | None = None,
        reason: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        timed = due is not None and began is not None
        return {
            "agreement_id": one["id"],
            "act": act,
            "before": before,
            "after": after,
            "day": day,
            "at": one["created_at"],
            "by": "",
            "person_id": "",
            "organization_id": "",
            "side": side,
            "reason": reason or "",
            "began": began if timed else None,
            "due": due if timed else None,
            "days": calendar.between(began, day) if timed and began else None,
            "detail": {},
        }

    return row


def _first_data() -> list[tuple[str, date]]:
    """The day of the first accepted batch of each agreement."""
    batch = sa.table("batch", sa.column("agreement_id"), sa.column("state"), sa.column("received_at", UtcDateTime()))
    accepted = batch.c.state.in_(("loaded", "partial", "corrected"))
    asked = sa.select(batch.c.agreement_id, sa.func.min(batch.c.received_at, type_=UtcDateTime()))
    found: Any = (
        op.get_bind().execute(asked.where(accepted, batch.c.agreement_id.is_not(None)).group_by(batch.c.agreement_id)).all()
    )
    return [(name, day_of(moment)) for name, moment in found]


def _calendar() -> Calendar:
    days = sa.table("calendarday", sa.column("day", sa.Date()), sa.column("working", sa.Boolean()))
    found: dict[date, bool] = dict(op.get_bind().execute(sa.select(days.c.day, days.c.working)).all())
    return Calendar(found, frozenset(day.year for day in found))


def downgrade() -> None:
    op.drop_index(op.f("ix_batch_agreement_id_state_sequence"), "batch")
    op.add_column("agreement", sa.Column("channel", JSON, nullable=False, server_default="{}"))
    for route, (table, columns) in TERMS.items():
        for name, kind, empty in columns:
            op.add_column("agreement", sa.Column(name, kind, nullable=empty is None, server_default=empty))
            of_own = f"SELECT {name} FROM {table} WHERE agreement_id = agreement.id"  # noqa: S608 - our own names
            op.execute(f"UPDATE agreement SET {name} = ({of_own}) WHERE route = '{route}' AND EXISTS ({of_own})")  # noqa: S608
    _channels_back()
    for name, _ in SIGNED:
        op.drop_column("agreement", name)
    for table in ("agreementstep", "agreementchannel", *(table for table, _ in TERMS.values())):
        op.drop_table(table)


def _channels_back() -> None:
    columns = "agreement_id, kind, settings, secrets"
    found: Any = op.get_bind().execute(sa.text(f"SELECT {columns} FROM agreementchannel WHERE number = 1")).all()  # noqa: S608
    agreement = sa.table("agreement", sa.column("id"), sa.column("channel", JSON))
    for agreement_id, kind, *parts in found:
        settings, secrets = (json.loads(part) if isinstance(part, str) else part for part in parts)
        whole = {"kind": kind, **settings, **secrets}
        op.get_bind().execute(sa.update(agreement).where(agreement.c.id == agreement_id).values(channel=whole))
