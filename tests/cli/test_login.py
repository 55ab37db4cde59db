"""Who acts on the command line: the emergency door says so and can be closed; a key is kept for one's own eyes only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.audit import chain as audit
from catalog.identity import people
from catalog.store import database
from cli.main import VERBS
from cli.terminal import credentials
from cli.terminal.identity import KEYLESS
from tests import commands
from tests.commands import Done
from warehouse.settings import Settings

Run = Callable[..., Done]
DOOR = "emergency door"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation of its own."""
    folder = tmp_path_factory.mktemp("login") / "var"
    done = _run(folder, folder.parent, "init")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """`hub` with a folder of settings of its own, so that nobody is signed in."""

    def hub(*words: str, **more: str) -> Done:
        return _run(home, tmp_path, *words, **more)

    return hub


def _run(home: Path, config: Path, *words: str, typed: str = "", **more: str) -> Done:
    mine = {"XDG_CONFIG_HOME": str(config), "HOME": str(config), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    return commands.hub(home, *words, typed=typed, **{**mine, **more})


def _key(home: Path, *roles: str) -> str:
    settings = Settings(home=home, _env_file=None)
    with database.session(settings.catalog_database) as session:
        login = "-".join(roles)
        known = {person.login: person for person in people.listed(session)}
        person = known.get(login) or people.add_person(session, login, login, known["admin"].organization_id, roles)
        return people.issue_key(session, person)[1]


def _records(home: Path, action: str) -> list[audit.AuditRecord]:
    with database.session(Settings(home=home, _env_file=None).catalog_database) as session:
        return list(audit.listed(session, action=action))


class TestTheEmergencyDoor:
    def test_each_act_through_it_says_so(self, home: Path, run: Run) -> None:
        done = run("people", "add", "li", "--role", "partner")
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(DOOR) == 1
        [record] = _records(home, "people.add")
        assert record.actor.startswith("local:")
        assert record.detail["door"] == "local"
        chinese = run("people", "list", HUB_LANG="zh")
        assert "应急通道" in chinese.stderr

    def test_who_comes_with_a_key_does_not(self, home: Path, run: Run) -> None:
        _key(home, "partner")
        done = run("--as", _key(home, "administrator"), "people", "close", "partner")
        assert done.returncode == 0, done.stderr
        assert DOOR not in done.stderr
        assert "door" not in _records(home, "people.close")[0].detail


class TestClosed:
    @pytest.mark.parametrize("verb", sorted({verb for chapter in VERBS.values() for verb in chapter} - KEYLESS))
    def test_nothing_else_works_without_a_key(self, run: Run, verb: str) -> None:
        done = run(verb, HUB_LOCAL_ACTS="off")
        assert done.returncode == 1
        assert "hub login" in done.stderr

    @pytest.mark.parametrize(
        "words", [("organizations", "list", "--kind", "--as"), ("audit", "verify", "--as"), ("people", "list")]
    )
    def test_nor_with_something_that_is_none(self, run: Run, words: tuple[str, ...]) -> None:
        for more in ((), ("hui_0123456789_00",)):
            assert run(*words, *more, HUB_LOCAL_ACTS="off").returncode != 0
        assert run("--as", "hui_0123456789_00", *words[:2], HUB_LOCAL_ACTS="off").returncode == 1

    def test_what_makes_and_looks_at_an_installation_works(self, run: Run) -> None:
        assert run("init", HUB_LOCAL_ACTS="off").returncode == 0
        doctor = run("doctor", "--json", HUB_LOCAL_ACTS="off")
        assert json.loads(doctor.stdout), doctor.stderr
        assert run("people", "--help", HUB_LOCAL_ACTS="off").returncode == 0

    def test_a_key_opens(self, home: Path, run: Run) -> None:
        key = _key(home, "administrator")
        assert run("--as", key, "people", "list", HUB_LOCAL_ACTS="off").returncode == 0
        assert run("people", "list", HUB_LOCAL_ACTS="off", HUB_AS=key).returncode == 0
        assert run("lake", "status", "--as", key, HUB_LOCAL_ACTS="off").returncode == 0


class TestLogin:
    def test_signed_in_one_acts_as_oneself_until_one_leaves(self, home: Path, run: Run, tmp_path: Path) -> None:
        key = _key(home, "administrator")
        done = run("login", "--stdin", typed=key + "\n", HUB_LOCAL_ACTS="off")
        assert done.returncode == 0, done.stderr
        assert key not in done.stdout + done.stderr
        file = tmp_path / "hui" / "logins.json"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o077 == 0
        assert json.loads(run("whoami", "--json", HUB_LOCAL_ACTS="off").stdout)["way"] == "login"
        assert run("people", "list", HUB_LOCAL_ACTS="off").returncode == 0
        assert DOOR not in run("people", "list").stderr
        assert run("logout").returncode == 0
        assert key not in file.read_text(encoding="utf-8")
        assert run("people", "list", HUB_LOCAL_ACTS="off").returncode == 1
        assert _records(home, "cli.sign-in")[0].actor == f"key:{key.split('_')[1]}"

    def test_a_wrong_key_is_not_kept(self, run: Run, tmp_path: Path) -> None:
        done = run("login", "--stdin", typed="hui_0123456789_00\n")
        assert done.returncode == 1
        assert "not signed in" in done.stderr
        assert not (tmp_path / "hui" / "logins.json").exists()

    def test_a_revoked_key_says_so_and_does_not_fall_back_to_the_door(self, home: Path, run: Run) -> None:
        key = _key(home, "administrator")
        run("login", "--stdin", typed=key + "\n")
        with database.session(Settings(home=home, _env_file=None).catalog_database) as session:
            people.revoke_key(session, key)
        done = run("people", "list")
        assert done.returncode == 1
        assert "expired or revoked" in done.stderr
        assert "hub login" in done.stderr
        assert _records(home, "authenticate")[0].actor == f"key:{key.split('_')[1]}"

    def test_a_file_that_others_can_read_is_not_used(self, home: Path, run: Run, tmp_path: Path) -> None:
        run("login", "--stdin", typed=_key(home, "administrator") + "\n")
        file = tmp_path / "hui" / "logins.json"
        file.chmod(0o644)
        done = run("people", "list")
        assert done.returncode == 1
        assert f"chmod 600 {file}" in done.stderr

    def test_each_installation_has_its_own(self, home: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run("login", "--stdin", typed=_key(home, "administrator") + "\n")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert credentials.kept(home)
        assert credentials.kept(tmp_path) is None


class Ring:
    """A keyring that works, as a desktop has one."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.kept[service, name] = secret

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def test_where_a_keyring_works_no_file_holds_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    ring = Ring()
    for name in ("set_password", "get_password", "delete_password"):
        monkeypatch.setattr(keyring, name, getattr(ring, name))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    kept = credentials.keep(tmp_path, "hui_0123456789_00")
    assert kept.place == credentials.RING
    assert "hui_0123456789_00" not in credentials.path().read_text(encoding="utf-8")
    assert credentials.kept(tmp_path) == kept
    assert credentials.forget(tmp_path)
    assert credentials.kept(tmp_path) is None
    assert not ring.kept
