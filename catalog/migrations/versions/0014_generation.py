"""The catalogue's generation: another one with each change of what a decision about data rests on, whoever makes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("grant", "resource", "release", "contractversion", "organization", "person", "agreement", "purchaseterms")
KEY = ("prefix", "secret_hash", "person_id", "expires_at", "revoked_at")
"""Columns of a key that open and close it; its last use is none of them."""
OWN = "own-organization"
SQLITE = """
CREATE TRIGGER "{table}_{event}_generation" AFTER {event}{of} ON "{table}"{when}
BEGIN
    INSERT INTO generation (id, token) VALUES (1, hex(randomblob(16))) ON CONFLICT (id) DO UPDATE SET token = excluded.token;
END
"""
FUNCTION = """
CREATE FUNCTION next_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hui.generation', true) IS DISTINCT FROM txid_current()::text THEN
        INSERT INTO generation (id, token) VALUES (1, gen_random_uuid()::text)
            ON CONFLICT (id) DO UPDATE SET token = excluded.token;
        PERFORM set_config('hui.generation', txid_current()::text, true);
    END IF;
    RETURN NULL;
END $$
"""
POSTGRESQL = """
CREATE CONSTRAINT TRIGGER "{table}_{event}_generation" AFTER {event}{of} ON "{table}"
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW{when} EXECUTE FUNCTION next_generation()
"""
"""Deferred: the one row is locked while a transaction is committed, not as long as it runs; and last, so that nobody who holds
it waits for another."""


def upgrade() -> None:
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
    )
    op.execute("INSERT INTO generation (id, token) VALUES (1, 'first')")
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(FUNCTION)
    for table, event, of, when in _triggers("WHEN" if sqlite else "WHEN ("):
        end = ")" if when and not sqlite else ""
        op.execute((SQLITE if sqlite else POSTGRESQL).format(table=table, event=event, of=of, when=when + end))


def _triggers(word: str) -> list[tuple[str, str, str, str]]:
    """Table, event, its columns, and the condition."""
    found = [(table, event, "", "") for table in TABLES for event in ("INSERT", "UPDATE", "DELETE")]
    found += [("access_key", "INSERT", "", ""), ("access_key", "DELETE", "", "")]
    found.append(("access_key", "UPDATE", f" OF {', '.join(KEY)}", ""))
    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        found.append(("remembered", event, "", f" {word} {row}.name = '{OWN}'"))
    return found


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, event, _, _ in _triggers(""):
        op.execute(f'DROP TRIGGER "{table}_{event}_generation"' + ("" if sqlite else f' ON "{table}"'))
    if not sqlite:
        op.execute("DROP FUNCTION next_generation()")
    op.drop_table("generation")
