"""What lists of a hundred thousand entries are decided and read by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import Json

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

EVENTS = {"insert": ("INSERT", "NEW"), "update": ("UPDATE OF recalled_at", "NEW"), "delete": ("DELETE", "OLD")}
NEXT = "(SELECT coalesce(max(revision), 0) + 1 FROM entrychange)"
KEEP = (
    "INSERT INTO entrychange (resource_id, revision) VALUES ({row}.resource_id, {next}) "
    "ON CONFLICT (resource_id) DO UPDATE SET revision = excluded.revision"
)


def upgrade() -> None:
    """Kinds of items are filled by `hub upgrade`, which makes the search index anew; until then such entries are decided on one
    by one."""
    op.add_column("searchentry", sa.Column("item_kinds", Json, nullable=True))
    op.create_index("ix_resource_name_folded", "resource", [sa.text("lower(name)")])
    op.create_index("ix_resource_library_name", "resource", ["library", "name"])
    op.create_index("ix_batch_dataset_state", "batch", ["dataset", "state"])
    op.create_index("ix_batch_organization_id_dataset_state", "batch", ["organization_id", "dataset", "state"])
    op.create_index("ix_agreement_steward_id", "agreement", ["steward_id"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for word, (event, row) in EVENTS.items():
        name, body = f"release_{word}_change", KEEP.format(row=row, next=NEXT if sqlite else "txid_current()")
        if sqlite:
            op.execute(f'CREATE TRIGGER "{name}" AFTER {event} ON "release" BEGIN {body}; END')
            continue
        op.execute(f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$')
        op.execute(f'CREATE TRIGGER "{name}" AFTER {event} ON "release" FOR EACH ROW EXECUTE FUNCTION "{name}"()')


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for word in EVENTS:
        name = f"release_{word}_change"
        op.execute(f'DROP TRIGGER "{name}"' + ("" if sqlite else ' ON "release"'))
        if not sqlite:
            op.execute(f'DROP FUNCTION "{name}"()')
    op.drop_index("ix_agreement_steward_id", "agreement")
    op.drop_index("ix_batch_organization_id_dataset_state", "batch")
    op.drop_index("ix_batch_dataset_state", "batch")
    op.drop_index("ix_resource_library_name", "resource")
    op.drop_index("ix_resource_name_folded", "resource")
    op.execute("ALTER TABLE searchentry DROP COLUMN item_kinds")  # batch mode would make the table anew, without its triggers
