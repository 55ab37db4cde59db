"""Batches keep what they leave open, what was answered, whose rows they replace, and how many of theirs were mended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ADDED = (
    ("questions", sa.JSON(none_as_null=True), "[]"),
    ("answers", sa.JSON(none_as_null=True), "{}"),
    ("replaces", sa.JSON(none_as_null=True), "[]"),
    ("mended", sa.Integer(), "0"),
    ("reason", sa.String(), ""),
)


def upgrade() -> None:
    for name, kind, value in ADDED:
        op.add_column("batch", sa.Column(name, kind, nullable=False, server_default=value))
    # Until now one loaded correction closed a batch, whatever rows it held: those that are closed stay so.
    op.execute("UPDATE batch SET mended = quarantined WHERE state = 'corrected'")


def downgrade() -> None:
    with op.batch_alter_table("batch", schema=None) as batch_op:
        for name, _, _ in reversed(ADDED):
            batch_op.drop_column(name)
