"""Sessions know their number, their key and where they began; failed sign-ins are counted here.

Sessions of before are ended: nobody knows which of them were begun with a key that is revoked by now. People sign in again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("signin")
    op.create_table(
        "signin",
        *_session(),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["access_key.id"], name="fk_signin_key_id_access_key"),
    )
    op.create_index("ix_signin_person_id", "signin", ["person_id"])
    op.create_index("ix_signin_id", "signin", ["id"], unique=True)
    op.create_table(
        "sign_in_attempt",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who", name="pk_sign_in_attempt"),
    )


def downgrade() -> None:
    op.drop_table("sign_in_attempt")
    op.drop_table("signin")
    op.create_table("signin", *_session())
    op.create_index("ix_signin_person_id", "signin", ["person_id"])


def _session() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_signin_person_id_person"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_signin"),
    ]
