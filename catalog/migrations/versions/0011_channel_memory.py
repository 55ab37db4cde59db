"""What channels remember is in the catalogue; a batch bears the mark by which its source knows it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_memory",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("channel", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_channel_memory_agreement_id_agreement")),
        sa.PrimaryKeyConstraint("agreement_id", "channel", "key", name=op.f("pk_channel_memory")),
    )
    op.add_column("batch", sa.Column("mark", sa.String(), nullable=False, server_default=""))
    op.create_index(op.f("ix_batch_mark"), "batch", ["mark"])


def downgrade() -> None:
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_batch_mark"))
        batch_op.drop_column("mark")
    op.drop_table("channel_memory")
