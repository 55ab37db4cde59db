"""The generation: each change of what a decision rests on is another, on both databases; nothing else is."""

from __future__ import annotations

import pytest
from sqlmodel import SQLModel, select

from catalog.access.grants import Grant
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.audit import chain
from catalog.entries.contracts import ContractVersion
from catalog.entries.resources import Resource
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.identity.people import Key, Person
from catalog.releases.releases import Release
from catalog.store import database, facts, generation

WATCHED = (Grant, Resource, Release, ContractVersion, Organization, Person, Agreement, PurchaseTerms, Key)


def token(url: str) -> str:
    with database.engine(url).connect() as connection:
        return generation.current(connection)


@pytest.mark.parametrize("table", WATCHED, ids=lambda table: table.__name__)
def test_the_database_watches_every_table_that_a_decision_reads(url: str, table: type[SQLModel]) -> None:
    """By its triggers, so that a table which lost one is named here; that they do what they should is seen below."""
    bind = database.engine(url)
    name = str(table.__tablename__)
    with bind.connect() as connection:
        if bind.dialect.name == "sqlite":
            where = f"FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{name}' AND name LIKE '%generation'"
        else:
            where = f"FROM pg_trigger WHERE tgrelid = '\"{name}\"'::regclass AND tgname LIKE '%generation'"
        sql = f"SELECT count(*) {where}"
        assert connection.exec_driver_sql(sql.replace("%", "%%")).scalar() == 3


def test_another_with_each_change_and_with_nothing_else(url: str) -> None:
    seen = [token(url)]

    def changes(other: bool) -> None:
        assert (token(url) != seen[-1]) is other
        seen.append(token(url))

    with database.session(url) as session:
        organizations.add(session, Organization(id="one", name="one", kind="department"))
        person = people.add_person(session, "reader", "reader", "one", ["partner"])
        key, bearer = people.issue_key(session, person)
        assert token(url) == seen[-1], "nothing, before it is committed"
    changes(True)
    with database.session(url) as session:
        assert people.authenticate(session, bearer) is not None  # notes its last use
        chain.record(session, actor="reader", action="read-rows")
        facts.remember(session, "something", {"else": 1})
    changes(False)
    with database.session(url) as session:
        organizations.set_own(session, "one")
    changes(True)
    with database.session(url) as session:
        people.revoke_key(session, key.prefix)
    changes(True)
    with database.session(url) as session:
        session.add(session.exec(select(Person)).one())
        session.rollback()
    changes(False)
    with database.session(url) as session:
        session.exec(select(Organization)).one().name = "another"
        session.exec(select(Person)).one().name = "another"
    changes(True)
    assert len(set(seen)) == 5
