"""Standings of agreements are kept; the database says which are not valid any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OF_DATASET = "IN (SELECT id FROM agreement WHERE dataset = {row}.name)"
OF_RESOURCE = "IN (SELECT a.id FROM agreement a JOIN resource r ON r.name = a.dataset WHERE r.id = {row}.resource_id)"
BATCH = "state, agreement_id, organization_id, period, received_at, finished_at, inserted, updated, removed"
RESTS_ON = (
    ("agreement", "", "= {row}.id", ("UPDATE",)),
    ("requestterms", "", "= {row}.agreement_id", ()),
    ("collectionterms", "", "= {row}.agreement_id", ()),
    ("agreementagency", "", "= {row}.agreement_id", ()),
    ("batch", BATCH, "= {row}.agreement_id", ()),
    ("resource", "next_due", OF_DATASET, ()),
    ("release", "", OF_RESOURCE, ()),
    ("grant", "", OF_RESOURCE, ()),
    ("calendarday", "", "IS NOT NULL", ()),
    ("steprule", "", "IS NOT NULL", ()),
)
"""Table, columns whose change counts (all where empty), agreements that it touches, events (all where empty)."""
WAITING = (
    "(state = 'held' OR (state IN ('partial', 'returned', 'refused') AND mended < "
    "CASE WHEN quarantined > 0 THEN quarantined ELSE 1 END AND corrects IS NULL))"
)
EVENTS = {"INSERT": ("NEW",), "UPDATE": ("NEW", "OLD"), "DELETE": ("OLD",)}


def upgrade() -> None:
    op.create_table(
        "keptstanding",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("route", sa.String(), nullable=False, server_default=""),
        sa.Column("stage", sa.String(), nullable=False, server_default=""),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("finished", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("shared", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("hubs", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_keptstanding_agreement_id_agreement"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_keptstanding")),
    )
    op.create_index("ix_keptstanding_day_due", "keptstanding", ["day", "due"])
    op.create_index(op.f("ix_keptstanding_until"), "keptstanding", ["until"])
    op.create_index("ix_channelattempt_outcome", "channelattempt", ["outcome", "agreement_id", "id", "at"])
    columns = ["sequence", "organization_id", "state", "received_at"]
    op.create_index("ix_batch_waiting", "batch", columns, sqlite_where=sa.text(WAITING), postgresql_where=sa.text(WAITING))
    op.execute("INSERT INTO keptstanding (agreement_id) SELECT id FROM agreement")
    for statement in _triggers(sqlite=op.get_bind().dialect.name == "sqlite"):
        op.execute(statement)


def _triggers(*, sqlite: bool) -> list[str]:
    first = "INSERT INTO keptstanding (agreement_id) VALUES (NEW.id)"
    made = [_trigger("agreement", "INSERT", "", [first], sqlite=sqlite)]
    for table, columns, touched, only in RESTS_ON:
        for event in only or EVENTS:
            # On SQLite one writes at a time, and a row that is not valid may be left. PostgreSQL must always write it: a
            # standing that is being reckoned meanwhile holds its lock, and is not valid once this transaction is committed.
            rest = " AND day IS NOT NULL" if sqlite else ""
            ends = [f"UPDATE keptstanding SET day = NULL WHERE agreement_id {_of(touched, row)}{rest}" for row in EVENTS[event]]  # noqa: S608
            of = f" OF {columns}" if columns and event == "UPDATE" else ""
            made.append(_trigger(table, event, of, list(dict.fromkeys(ends)), sqlite=sqlite))
    return [statement for statements in made for statement in statements]


def _of(touched: str, row: str) -> str:
    return touched.format(row=row)


def _trigger(table: str, event: str, of: str, work: list[str], *, sqlite: bool) -> list[str]:
    name, body = f"{table}_{event.lower()}_standing", "; ".join(work)
    if sqlite:
        return [f'CREATE TRIGGER "{name}" AFTER {event}{of} ON "{table}" BEGIN {body}; END']
    return [
        f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$',
        f'CREATE TRIGGER "{name}" AFTER {event}{of} ON "{table}" FOR EACH ROW EXECUTE FUNCTION "{name}"()',
    ]


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    events = [("agreement", "INSERT"), *((table, event) for table, _, _, only in RESTS_ON for event in only or EVENTS)]
    for table, event in events:
        name = f"{table}_{event.lower()}_standing"
        op.execute(f'DROP TRIGGER "{name}"' + ("" if sqlite else f' ON "{table}"'))
        if not sqlite:
            op.execute(f'DROP FUNCTION "{name}"()')
    op.drop_index("ix_batch_waiting", "batch")
    op.drop_index("ix_channelattempt_outcome", "channelattempt")
    op.drop_table("keptstanding")
