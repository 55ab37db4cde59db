"""Attempts on channels, with what came of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXED = ("agreement_id", "at", "dataset")


def upgrade() -> None:
    op.create_table(
        "channelattempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_channelattempt_agreement_id_agreement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channelattempt")),
    )
    for name in INDEXED:
        op.create_index(op.f(f"ix_channelattempt_{name}"), "channelattempt", [name])


def downgrade() -> None:
    op.drop_table("channelattempt")
