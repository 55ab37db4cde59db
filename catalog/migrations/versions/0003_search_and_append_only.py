"""Full-text index of the catalogue; the audit tables refuse change and removal."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("auditrecord", "auditseal")


def upgrade() -> None:
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE resource_terms")
    on = op.get_bind().dialect.name != "sqlite"
    for table in APPEND_ONLY:
        for event in ("update", "delete", *(("truncate",) if on else ())):
            op.execute(f"DROP TRIGGER {table}_no_{event}" + (f" ON {table}" if on else ""))
    if on:
        op.execute("DROP FUNCTION audit_append_only()")


def _sqlite() -> list[str]:
    """FTS5 over tokens that catalog.entries.tokenizer made: bigrams of Chinese, whole words of Latin, separated by spaces."""
    statements = ["CREATE VIRTUAL TABLE resource_terms USING fts5(title, names, provider, abstract, items)"]
    for table in APPEND_ONLY:
        for event in ("update", "delete"):
            statements.append(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
            )
    return statements


def _postgresql() -> list[str]:
    """The same tokens as a weighted tsvector with positions, under a GIN index."""
    statements = [
        "CREATE TABLE resource_terms ("
        "id BIGINT PRIMARY KEY REFERENCES searchentry (id) ON DELETE CASCADE, terms tsvector NOT NULL)",
        "CREATE INDEX ix_resource_terms_terms ON resource_terms USING gin (terms)",
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
    ]
    for table in APPEND_ONLY:
        each = {"update": "FOR EACH ROW ", "delete": "FOR EACH ROW ", "truncate": ""}
        statements += [
            f"CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} {how}EXECUTE FUNCTION audit_append_only()"
            for event, how in each.items()
        ]
    return statements
