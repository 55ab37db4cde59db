"""Agreements, batches, releases, grants and what follows from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.column_types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("resource", "signin", "agreementagency", "batch", "grant", "release", "resourcecode", "searchentry", "spend")


def upgrade() -> None:
    op.create_table(
        "resource",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("library", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("class_code", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("abstract", sa.String(), nullable=False),
        sa.Column("abstract_en", sa.String(), nullable=False),
        sa.Column("formats", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sharing", sa.Integer(), nullable=False),
        sa.Column("sharing_condition", sa.String(), nullable=False),
        sa.Column("sharing_basis", sa.String(), nullable=False),
        sa.Column("sharing_uses", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sharing_methods", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("open_condition", sa.String(), nullable=False),
        sa.Column("cycle", sa.String(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("related_codes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("steward_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=True),
        sa.Column("next_due", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["organization.id"], name=op.f("fk_resource_provider_id_organization")),
        sa.ForeignKeyConstraint(["steward_id"], ["person.id"], name=op.f("fk_resource_steward_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resource_class_code"), ["class_code"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_cycle"), ["cycle"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_grade"), ["grade"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_library"), ["library"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_name"), ["name"], unique=True)
        batch_op.create_index(batch_op.f("ix_resource_next_due"), ["next_due"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_provider_id"), ["provider_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_route"), ["route"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_sharing"), ["sharing"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_title"), ["title"], unique=False)

    op.create_table(
        "signin",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_signin_person_id_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_signin")),
    )
    with op.batch_alter_table("signin", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signin_person_id"), ["person_id"], unique=False)

    op.create_table(
        "agreementagency",
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_agreementagency_agreement_id_agreement")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_agreementagency_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "organization_id", name=op.f("pk_agreementagency")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("contract_version", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=True),
        sa.Column("organization_id", sa.String(), nullable=True),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("corrects", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("received_by", sa.String(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("message_en", sa.String(), nullable=False),
        sa.Column("faults", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("checks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seconds", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_batch_agreement_id_agreement")),
        sa.ForeignKeyConstraint(["corrects"], ["batch.id"], name=op.f("fk_batch_corrects_batch")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_batch_organization_id_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_agreement_id"), ["agreement_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_dataset"), ["dataset"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_organization_id"), ["organization_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_received_at"), ["received_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_route"), ["route"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_sequence"), ["sequence"], unique=True)
        batch_op.create_index(batch_op.f("ix_batch_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_state"), ["state"], unique=False)

    op.create_table(
        "grant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("items", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("masks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("row_filter", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoke_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_grant_organization_id_organization")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_grant_resource_id_resource")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant")),
    )
    with op.batch_alter_table("grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grant_organization_id"), ["organization_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grant_resource_id"), ["resource_id"], unique=False)

    op.create_table(
        "release",
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Integer(), nullable=False),
        sa.Column("contract_version", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("added", sa.Integer(), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=True),
        sa.Column("removed", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=False),
        sa.Column("released_by", sa.String(), nullable=False),
        sa.Column("recalled_at", UtcDateTime(), nullable=True),
        sa.Column("recalled_by", sa.String(), nullable=False),
        sa.Column("recall_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_release_resource_id_resource")),
        sa.PrimaryKeyConstraint("resource_id", "version", name=op.f("pk_release")),
    )
    with op.batch_alter_table("release", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_snapshot"), ["snapshot"], unique=False)

    op.create_table(
        "resourcecode",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("class_code", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_resourcecode_resource_id_resource")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_resourcecode")),
    )
    with op.batch_alter_table("resourcecode", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resourcecode_class_code"), ["class_code"], unique=False)
        batch_op.create_index(batch_op.f("ix_resourcecode_resource_id"), ["resource_id"], unique=False)

    op.create_table(
        "searchentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("items", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("organization", sa.String(), nullable=False),
        sa.Column("codes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("class_path", sa.String(), nullable=False),
        sa.Column("upstream", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_searchentry_resource_id_resource")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searchentry")),
        sa.UniqueConstraint("resource_id", name=op.f("uq_searchentry_resource_id")),
    )
    op.create_table(
        "spend",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_spend_agreement_id_agreement")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_spend_batch_id_batch")),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_spend")),
    )
    with op.batch_alter_table("spend", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spend_agreement_id"), ["agreement_id"], unique=False)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
