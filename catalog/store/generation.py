"""The catalogue's generation: another token with each change of what a decision about data rests on.

The database itself sets it (triggers, migration 0014), in the transaction of the change, whoever makes it: grants, entries,
versions, contracts, organizations, people, keys, agreements and their terms. What was decided holds as long as the token stays.
It is no number: a catalogue brought back from a backup never comes to a token that it had after that backup.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlmodel import Field, SQLModel


class Generation(SQLModel, table=True):
    """One row."""

    id: int = Field(primary_key=True, default=1)
    token: str


def current(connection: Connection) -> str:
    """The token; empty where there is none, and then nothing may be kept by it."""
    return str(connection.exec_driver_sql("SELECT token FROM generation WHERE id = 1").scalar() or "")
