"""Failed sign-ins are counted before anything is verified; few passwords are verified at once; sessions end with their key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session

from catalog.identity import attempts, passwords, people, signins
from catalog.identity.passwords import Line, SignInBusy
from catalog.identity.signins import UnknownSession
from catalog.store import database
from contracts.clock import now
from tests.catalog import making


class TestCounters:
    def test_a_wrong_password_waits_for_this_person_here_and_locks_out_nobody_else(self, session: Session) -> None:
        waits = [attempts.begun(session, "li", "10.0.0.1") for _ in range(attempts.PERSON_HERE.attempts + 1)]
        assert waits[:-1] == [0] * attempts.PERSON_HERE.attempts
        assert 0 < waits[-1] <= attempts.PERSON_HERE.seconds
        assert attempts.begun(session, "wang", "10.0.0.1") == 0, "the office goes on"
        assert attempts.begun(session, "li", "10.0.0.2") == 0, "so does the person elsewhere"

    def test_an_account_guessed_from_many_addresses_waits(self, session: Session) -> None:
        waits = [attempts.begun(session, "li", f"10.0.{n}.1") for n in range(attempts.ACCOUNT.attempts + 1)]
        assert waits[-2:] == [0, waits[-1]]
        assert waits[-1] > 0

    def test_a_list_of_accounts_from_one_address_waits(self, session: Session) -> None:
        waits = [attempts.begun(session, f"person-{n}", "10.0.0.1") for n in range(attempts.ADDRESS.attempts + 1)]
        assert max(waits[:-1]) == 0
        assert waits[-1] > 0

    def test_success_clears_the_person_here(self, session: Session) -> None:
        for _ in range(attempts.PERSON_HERE.attempts):
            attempts.begun(session, "li", "10.0.0.1")
        attempts.succeeded(session, "li", "10.0.0.1")
        assert attempts.begun(session, "li", "10.0.0.1") == 0

    def test_it_is_over_after_a_while(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(attempts.PERSON_HERE.attempts + 1):
            attempts.begun(session, "li", "10.0.0.1")
        later = now() + timedelta(seconds=attempts.PERSON_HERE.seconds + 1)
        monkeypatch.setattr(attempts, "now", lambda: later)
        assert attempts.begun(session, "li", "10.0.0.1") == 0

    def test_a_hundred_at_once_are_counted_one_by_one(self, url: str) -> None:
        def attempt(_: int) -> int:
            with database.session(url) as session:
                return attempts.begun(session, "li", "10.0.0.1")

        with ThreadPoolExecutor(16) as pool:
            waits = list(pool.map(attempt, range(60)))
        assert waits.count(0) == attempts.PERSON_HERE.attempts

    def test_any_text_is_an_account(self, session: Session) -> None:
        for account in ("", "\0", "\ud800", "长" * 60_000):
            assert attempts.begun(session, account, "10.0.0.1") == 0


class TestTheLine:
    def test_few_at_once_some_in_line_the_rest_refused(self) -> None:
        line, free, inside = Line(at_once=2, in_line=3, wait=20), threading.Event(), []
        lock = threading.Lock()
        most = [0]

        def work(_: int) -> bool:
            try:
                with line.place():
                    with lock:
                        inside.append(1)
                        most[0] = max(most[0], len(inside))
                    free.wait(20)
                    with lock:
                        inside.pop()
                    return True
            except SignInBusy:
                with lock:
                    refused.append(1)
                    if len(refused) == 15:
                        free.set()
                return False

        refused: list[int] = []
        with ThreadPoolExecutor(20) as pool:
            done = list(pool.map(work, range(20)))
        assert most[0] == 2
        assert done.count(True) == 5

    def test_who_waits_too_long_is_told(self) -> None:
        line = Line(at_once=1, in_line=3, wait=0.01)
        with line.place(), pytest.raises(SignInBusy), line.place():
            pass

    def test_nobody_has_the_empty_hash(self) -> None:
        assert passwords.fits(passwords.hashed("correct horse"), "correct horse")
        assert not passwords.fits(passwords.hashed("correct horse"), "wrong horse")
        assert not passwords.fits("", "")


class TestSessions:
    def test_a_session_ends_when_its_key_is_revoked(self, session: Session) -> None:
        person = making.person(session)
        key, shown = people.issue_key(session, person)
        begun = people.sign_in_with_key(session, shown, "10.0.0.1")
        assert begun is not None
        subject, token = begun
        assert (subject.key_prefix, subject.kind) == (key.prefix, "person")
        assert people.signed_in(session, token) is not None
        assert [(one.login, one.address, one.key_prefix) for one in signins.listed(session)] == [("li", "10.0.0.1", key.prefix)]
        people.revoke_key(session, key.prefix)
        assert people.signed_in(session, token) is None
        assert signins.listed(session) == []

    def test_a_session_ends_when_its_key_expires(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        person = making.person(session)
        _, shown = people.issue_key(session, person, expires_at=now() + timedelta(minutes=5))
        begun = people.sign_in_with_key(session, shown)
        assert begun is not None
        assert signins.listed(session)[0].expires_at <= now() + timedelta(minutes=5)
        later = now() + timedelta(minutes=6)
        monkeypatch.setattr(people, "now", lambda: later)
        assert people.signed_in(session, begun[1]) is None

    def test_a_key_that_is_brought_forward_ends_its_sessions(self, session: Session) -> None:
        """Checked on each request, not only when it began."""
        key, shown = people.issue_key(session, making.person(session))
        begun = people.sign_in_with_key(session, shown)
        key.expires_at = now() - timedelta(seconds=1)
        session.add(key)
        session.flush()
        assert begun is not None
        assert people.signed_in(session, begun[1]) is None

    def test_each_is_ended_alone(self, session: Session) -> None:
        person, other = making.person(session), making.person(session, "wang")
        _, first = people.begin(session, person)
        _, second = people.begin(session, person)
        _, third = people.begin(session, other)
        number = people.number_of(session, second)
        with pytest.raises(UnknownSession):
            signins.end(session, number, other)
        signins.end(session, number, person)
        opened = [people.signed_in(session, token) is not None for token in (first, second, third)]
        assert opened == [True, False, True]
        with pytest.raises(UnknownSession):
            signins.end(session, number)
