"""Why a lineage event was refused by the receiver that it was sent to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lineageevent") as table:
        table.add_column(sa.Column("refusal", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("lineageevent") as table:
        table.drop_column("refusal")
