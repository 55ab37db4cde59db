"""When each entry changed, so that lists kept in memory read no more than that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WATCHED = {"resource": "id", "searchentry": "resource_id"}
EVENTS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
NEXT = "(SELECT coalesce(max(revision), 0) + 1 FROM entrychange)"
KEEP = (
    "INSERT INTO entrychange (resource_id, revision) VALUES ({row}.{column}, {next}) "
    "ON CONFLICT (resource_id) DO UPDATE SET revision = excluded.revision"
)
"""SQLite: one writes at a time, so a number that grows. PostgreSQL: the transaction, for they end in another order."""


def upgrade() -> None:
    op.create_table(
        "entrychange",
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_entrychange")),
    )
    op.create_index(op.f("ix_entrychange_revision"), "entrychange", ["revision"])
    op.drop_index(op.f("ix_resource_next_due"), "resource")
    op.create_index("ix_resource_next_due_title", "resource", ["next_due", "title"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, column in WATCHED.items():
        for event, row in EVENTS.items():
            name = f"{table}_{event.lower()}_change"
            body = KEEP.format(row=row, column=column, next=NEXT if sqlite else "txid_current()")
            if sqlite:
                op.execute(f'CREATE TRIGGER "{name}" AFTER {event} ON "{table}" BEGIN {body}; END')
                continue
            op.execute(f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$')
            op.execute(f'CREATE TRIGGER "{name}" AFTER {event} ON "{table}" FOR EACH ROW EXECUTE FUNCTION "{name}"()')


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WATCHED:
        for event in EVENTS:
            name = f"{table}_{event.lower()}_change"
            op.execute(f'DROP TRIGGER "{name}"' + ("" if sqlite else f' ON "{table}"'))
            if not sqlite:
                op.execute(f'DROP FUNCTION "{name}"()')
    op.drop_index("ix_resource_next_due_title", "resource")
    op.create_index(op.f("ix_resource_next_due"), "resource", ["next_due"])
    op.drop_table("entrychange")
