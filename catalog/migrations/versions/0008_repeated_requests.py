"""Acts asked for under an idempotency key, and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repeat",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_repeat")),
    )
    op.create_index(op.f("ix_repeat_begun_at"), "repeat", ["begun_at"])


def downgrade() -> None:
    op.drop_table("repeat")
