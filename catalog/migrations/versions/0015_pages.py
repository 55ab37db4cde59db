"""Indexes by which pages and listings read no more than they show."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ADDED = {
    "batch": (
        ("agreement_id", "period", "state", "organization_id"),
        ("corrects",),
        ("received_at", "sequence"),
        ("state", "received_at", "sequence"),
        ("dataset", "received_at", "sequence"),
        ("organization_id", "received_at", "sequence"),
        ("route", "state"),
    ),
    "channelattempt": (("agreement_id", "outcome", "id"),),
    "lineageedge": (("target", "target_item"),),
    "qualityresult": (("dataset", "measured_at"),),
    "release": (("released_at",),),
    "resource": (("updated_at",),),
}
REMOVED = {
    "batch": ("agreement_id", "dataset", "organization_id", "received_at", "route", "state"),
    "channelattempt": ("agreement_id",),
    "qualityresult": ("dataset",),
}
"""Each is the beginning of one that is added, or of one that was there."""


def upgrade() -> None:
    for table, single in REMOVED.items():
        for column in single:
            op.drop_index(op.f(f"ix_{table}_{column}"), table)
    for table, indexes in ADDED.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def downgrade() -> None:
    for table, indexes in ADDED.items():
        for columns in indexes:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
    for table, single in REMOVED.items():
        for column in single:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
