"""How far a request's answer has come, and the links by which bodies without an account answer."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import Json, UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ADDED: tuple[sa.Column[Any], ...] = (
    sa.Column("sent_on", sa.Date(), nullable=True),
    sa.Column("turn_due", sa.Date(), nullable=True),
    sa.Column("told_incomplete", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("answer", sa.String(), nullable=False, server_default=""),
    sa.Column("without", Json, nullable=False, server_default="[]"),
    sa.Column("dispute", sa.Integer(), nullable=False, server_default="0"),
)


def upgrade() -> None:
    """Requests of before were sent when they were entered."""
    for column in ADDED:
        op.add_column("requestterms", column.copy())
    op.execute(
        "UPDATE requestterms SET sent_on = (SELECT needed_on FROM agreement WHERE id = requestterms.agreement_id), "
        "answer = coalesce((SELECT CASE WHEN state = 'refused' THEN 'refuse' WHEN answered_on IS NULL THEN '' "
        "ELSE 'accept' END FROM agreement WHERE id = requestterms.agreement_id), '')"
    )
    op.create_table(
        "answerlink",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_answerlink_agreement_id_agreement")),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_answerlink")),
    )
    op.create_index(op.f("ix_answerlink_token_hash"), "answerlink", ["token_hash"], unique=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_answerlink_token_hash"), "answerlink")
    op.drop_table("answerlink")
    for column in ADDED:  # batch mode would make the table anew, without its triggers
        op.execute(f'ALTER TABLE requestterms DROP COLUMN "{column.name}"')
