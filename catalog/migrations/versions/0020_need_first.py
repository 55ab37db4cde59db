"""What a need asks for item by item, what the hub was found to have of it, and names with their sounds to look by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import Json, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Old needs name no items and were not looked for; names are filled by `hub upgrade`, which makes the search index anew."""
    op.create_table(
        "itemname",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("sound", sa.String(), nullable=False),
        sa.Column("plain_sound", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
    )
    for column in ("sound", "plain_sound", "initials"):
        op.create_index(f"ix_itemname_{column}", "itemname", [column])
    op.add_column("agreement", sa.Column("items", Json, nullable=False, server_default="[]"))
    op.add_column("agreement", sa.Column("wanted_by", sa.Date(), nullable=True))
    op.create_table(
        "needsearch",
        sa.Column("agreement_id", sa.String(), sa.ForeignKey("agreement.id"), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("looked_for", Json, nullable=False),
        sa.Column("found", Json, nullable=False),
        sa.Column("enough", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("needsearch")
    op.drop_column("agreement", "wanted_by")
    op.drop_column("agreement", "items")
    op.drop_table("itemname")
