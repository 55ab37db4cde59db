"""A channel is tested before it is relied on: what lies there is shown, what is wrong is said, nothing is taken."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.acquisition.memory import ChannelMemory
from catalog.acquisition.negotiation import WrongTerm
from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from catalog.identity.people import Subject
from channels import registry
from hub import acts, channels
from hub.channels import ChannelSeen, NoSuchChannel, TestChannel
from hub.hub import Hub
from tests.orchestration.conftest import drop, hub, inbox, stocked, turn  # noqa: F401 - fixtures

STEWARD = Subject("local", kind="local")
MQTT = {"url": "mqtt://u@127.0.0.1:9", "topics": "a/#"}
DATABASE = {"url": "mysql://u@127.0.0.1:9/d", "table": "t"}
SFTP = {"host": "127.0.0.1", "port": 9, "user": "hub", "fingerprint": "SHA256:" + "A" * 43}
S3 = {"endpoint": "https://127.0.0.1:9", "bucket": "water", "user": "hub"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-channel.md"


def seen(hub: Hub, **given: Any) -> ChannelSeen:  # noqa: F811
    return channels.look(hub, STEWARD, acts.given(TestChannel, **given))


def test_an_agreements_channel_shows_what_lies_there_and_takes_nothing(stocked: Hub, inbox: Path) -> None:  # noqa: F811
    drop(inbox / "station", "a.csv", "S1,1")
    shown = seen(stocked, agreement="XY-station")
    assert (shown.reached, [entry["name"] for entry in shown.entries]) == (True, ["a.csv"])
    with stocked.session() as session:
        assert session.exec(select(Batch)).all() == []
        assert session.exec(select(ChannelMemory)).all() == []
        (record,) = session.exec(select(AuditRecord).where(AuditRecord.action == "channel.test"))
        assert (record.object, record.detail["reached"]) == ("agreement:XY-station", True)


def test_settings_that_are_not_saved_yet_are_looked_by(stocked: Hub, inbox: Path) -> None:  # noqa: F811
    drop(inbox / "station", "a.csv", "S1,1")
    assert seen(stocked, kind="folder", settings={"path": "inbox/station"}).entries
    assert seen(stocked, agreement="XY-well", kind="folder", settings={"path": "inbox/station"}).entries


def test_a_source_that_is_away_is_an_answer_not_an_error(stocked: Hub) -> None:  # noqa: F811
    shown = seen(stocked, kind="http", settings={"url": "http://127.0.0.1:9/", "attempts": 1})
    assert not shown.reached
    assert "127.0.0.1:9" in shown.problem
    assert "was not got" in shown.problem_en


@pytest.mark.parametrize(("kind", "told"), [("database", DATABASE), ("mqtt", MQTT)])
def test_a_server_that_is_away_is_an_answer_too(stocked: Hub, kind: str, told: dict[str, str]) -> None:  # noqa: F811
    shown = seen(stocked, kind=kind, settings=told)
    assert not shown.reached
    assert "127.0.0.1:9" in shown.problem
    assert "cannot be reached" in shown.problem_en


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "folder", "settings": {"path": "/etc"}}, "path"),
        ({"kind": "http", "settings": {"url": "http://h/", "token_env": "HUB_AUDIT_WITNESS_KEY"}}, "token_env"),
        ({"kind": "http", "settings": {"url": "http://h/", "token_file": "/etc/shadow"}}, "token_file"),
        ({"kind": "database", "settings": DATABASE | {"password_env": "HUB_CATALOG_URL"}}, "password_env"),
        ({"kind": "database", "settings": DATABASE | {"password_file": "/etc/shadow"}}, "password_file"),
        ({"kind": "database", "settings": DATABASE | {"ca_file": "keys/audit.key"}}, "ca_file"),
        ({"kind": "mqtt", "settings": MQTT | {"password_env": "HUB_CATALOG_URL"}}, "password_env"),
        ({"kind": "mqtt", "settings": MQTT | {"ca_file": "/etc/shadow"}}, "ca_file"),
        ({"kind": "sftp", "settings": SFTP | {"password_env": "HOME"}}, "password_env"),
        ({"kind": "sftp", "settings": SFTP | {"key_file": "/root/.ssh/id_ed25519"}}, "key_file"),
        ({"kind": "s3", "settings": S3 | {"password_env": "AWS_SECRET_ACCESS_KEY"}}, "password_env"),
        ({"kind": "webdav", "settings": {"url": "http://h/", "token_file": "/etc/shadow"}}, "token_file"),
        ({"kind": "webdav", "settings": {"url": "file:///etc/shadow"}}, "url"),
        ({"kind": "template", "settings": {"path": "inbox/a"}}, "kind"),
        ({"kind": "pigeon"}, "kind"),
    ],
)
def test_who_may_not_save_it_may_not_look_by_it(stocked: Hub, given: dict[str, Any], field: str) -> None:  # noqa: F811
    with pytest.raises(WrongTerm) as refused:
        seen(stocked, **given)
    assert refused.value.field == field


def test_settings_that_its_kind_cannot_work_with_are_named(stocked: Hub) -> None:  # noqa: F811
    with pytest.raises(registry.InvalidChannel) as refused:
        seen(stocked, kind="folder", settings={"path": "inbox/a", "depth": 3, "settle_seconds": "soon"})
    assert set(refused.value.faults) == {"depth", "settle_seconds"}


def test_a_channel_that_the_agreement_does_not_have(stocked: Hub) -> None:  # noqa: F811
    with pytest.raises(NoSuchChannel):
        seen(stocked, agreement="XY-station", number=2)


def test_the_pages_channel_is_a_whole_one(
    stocked: Hub,  # noqa: F811
    inbox: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The class in docs/add-a-channel.md, brought by an entry point, from peek to lake."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (points,) = re.findall(r"^ *```toml\n(.*?)^ *```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "notes_channel.py").write_text(code, encoding="utf-8")
    info = tmp_path / "notes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 1.0\n", encoding="utf-8")
    name, _, value = points.strip().splitlines()[-1].strip().partition(" = ")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = {value.strip(chr(34))}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    assert importlib.util.find_spec("notes_channel") is not None
    try:
        from catalog.acquisition.agreements import Agreement
        from tests.agreeing import set_channel

        with stocked.session() as session:
            set_channel(session, session.get_one(Agreement, "XY-station"), {"kind": "notes", "path": "inbox/station"})
        drop(inbox / "station", "a.csv", "S1,1")
        assert [entry["name"] for entry in seen(stocked, agreement="XY-station").entries] == ["a.csv"]
        assert [one.outcome.accepted for one in turn(stocked, "station").news] == [1]
        assert turn(stocked, "station").news == []
    finally:
        registry.forget()
