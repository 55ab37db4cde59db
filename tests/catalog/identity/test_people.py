"""People: wrong keys and passwords open nothing; right ones say who it is; what is revoked is closed at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from catalog.identity import people
from catalog.identity.organizations import UnknownOrganization
from catalog.identity.people import InvalidPerson, Key, SignIn, UnknownKey, UnknownPerson
from contracts import clock
from tests.catalog import making


@pytest.mark.parametrize("login", ["", " li", "local:li", "anonymous"])
def test_a_login_that_could_be_mistaken_is_refused(session: Session, login: str) -> None:
    with pytest.raises(InvalidPerson):
        making.person(session, login)


def test_a_login_twice_an_unknown_role_and_no_role_are_refused(session: Session) -> None:
    making.person(session)
    with pytest.raises(InvalidPerson):
        making.person(session)
    with pytest.raises(InvalidPerson, match="king"):
        making.person(session, "a", ("king",))
    with pytest.raises(InvalidPerson):
        making.person(session, "b", ())


def test_an_unknown_organization_or_person_is_refused(session: Session) -> None:
    with pytest.raises(UnknownOrganization, match="nowhere"):
        people.add_person(session, "a", "a", "nowhere", ["steward"])
    with pytest.raises(UnknownPerson, match="people list"):
        people.get_person(session, "nobody")


def test_a_short_password_is_refused(session: Session) -> None:
    with pytest.raises(InvalidPerson, match="10"):
        making.person(session, password="short")


def test_no_other_text_than_the_key_opens_anything(session: Session) -> None:
    _, shown = people.issue_key(session, making.person(session))
    prefix, secret = shown.split("_")[1:]
    other = "0" if secret[-1] != "0" else "1"
    for wrong in (
        "",
        "hui",
        "hui__",
        f"hui_{prefix}_",
        f"hui_{prefix}",
        shown[:-1] + other,
        shown + "0",
        f"hui_{secret}_{prefix}",
        "Bearer " + shown,
    ):
        assert people.authenticate(session, wrong) is None
    assert people.authenticate(session, shown) is not None


def test_an_expired_a_revoked_and_a_closed_persons_key_open_nothing(session: Session) -> None:
    person = making.person(session)
    _, late = people.issue_key(session, person, expires_at=clock.now() - timedelta(seconds=1))
    key, shown = people.issue_key(session, person)
    _, third = people.issue_key(session, person)
    assert people.authenticate(session, late) is None
    people.revoke_key(session, shown)
    assert people.authenticate(session, shown) is None
    assert people.authenticate(session, third) is not None
    people.deactivate(session, person)
    assert people.authenticate(session, third) is None
    with pytest.raises(UnknownKey):
        people.revoke_key(session, "ffffffffff")
    assert key.revoked_at is not None


def test_a_key_says_who_and_for_whom_and_its_secret_is_nowhere_kept(session: Session) -> None:
    person = making.person(session, roles=("partner", "analyst"))
    key, shown = people.issue_key(session, person, "notebook")
    subject = people.authenticate(session, f" {shown}\n")
    assert subject is not None
    assert (subject.login, subject.organization_id, subject.kind) == ("li", "water", "key")
    assert subject.roles == {"partner", "analyst"}
    assert subject.actor == f"key:{key.prefix}"
    secret = shown.rsplit("_", 1)[1]
    assert all(secret not in str(value) for value in session.exec(select(Key)).one().model_dump().values())


def test_the_last_use_of_a_key_is_not_written_with_every_request(session: Session) -> None:
    key, shown = people.issue_key(session, making.person(session))
    people.authenticate(session, shown)
    first = key.last_used_at
    people.authenticate(session, shown)
    assert key.last_used_at == first is not None


def test_a_wrong_password_an_unknown_login_and_no_password_begin_no_session(session: Session) -> None:
    making.person(session, "a", password="correct horse")
    making.person(session, "b")
    for login, password in (("a", "wrong horse"), ("a", ""), ("b", ""), ("nobody", "correct horse")):
        assert people.sign_in(session, login, password) is None


def test_a_session_begins_with_a_password_or_key_and_ends_with_sign_out(session: Session) -> None:
    person = making.person(session, password="correct horse")
    begun = people.sign_in(session, "li", "correct horse")
    assert begun is not None
    subject, token = begun
    again = people.signed_in(session, token)
    assert again is not None
    assert again.csrf == subject.csrf
    assert again.actor == "li"
    assert token not in str(session.exec(select(SignIn)).one().model_dump())
    people.sign_out(session, token)
    assert people.signed_in(session, token) is None
    _, shown = people.issue_key(session, person)
    assert people.sign_in_with_key(session, shown) is not None
    assert people.sign_in_with_key(session, shown + "0") is None


def test_a_session_ends_by_time_by_a_new_password_and_with_the_person(session: Session) -> None:
    person = making.person(session, password="correct horse")
    _, gone = people.begin(session, person, hours=-1)
    assert people.signed_in(session, gone) is None
    _, token = people.begin(session, person)
    people.set_password(session, person, "another horse")
    assert people.signed_in(session, token) is None
    _, token = people.begin(session, person)
    people.deactivate(session, person)
    assert people.signed_in(session, token) is None
    assert people.sign_in(session, "li", "another horse") is None


def test_anonymous_and_local_subjects() -> None:
    assert people.ANONYMOUS.actor == "anonymous"
    assert not people.ANONYMOUS.has(*people.Role)
    assert people.local_subject("root").actor == "local:root"
    assert people.local_subject("root").has("administrator")
