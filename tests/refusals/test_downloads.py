"""A download that has begun goes on only as long as its right lasts: a recall, a revoked grant or key cuts the connection."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from api.http import streams
from catalog.access import grants
from catalog.audit import chain as audit
from catalog.identity import people
from tests.sharing import Hub, built
from warehouse.serving import extract_room
from warehouse.settings import Settings
from warehouse.storage import connection

CHUNK = 64


@pytest.fixture
def hub(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub whose files go out in small chunks, each asked for anew."""
    monkeypatch.setattr(streams, "ASKED_EVERY", 0)
    monkeypatch.setattr(streams.ExtractResponse, "chunk_size", CHUNK)
    settings = Settings(home=tmp_path / "var", _env_file=None)  # type: ignore[operator, call-arg]
    yield built(settings)
    connection.forget(settings)


def download(hub: Hub, url: str, headers: dict[str, str], after_first: Callable[[], None]) -> tuple[int, int, bool]:
    """Bytes told (0: no length), bytes that came, and whether the answer was ended; `after_first` happens beside it, after its
    first chunk."""
    parts = urlsplit(url)
    told, came, ended, acted = 0, 0, False, False

    async def receive() -> dict[str, object]:
        await asyncio.sleep(30)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        nonlocal told, came, ended, acted
        if message["type"] == "http.response.start":
            told = int(dict(message["headers"]).get(b"content-length", 0))  # type: ignore[call-overload]
            assert message["status"] in (200, 206)
            return
        came += len(message.get("body", b""))  # type: ignore[arg-type]
        ended = not message.get("more_body", False)
        if came and not acted:
            acted = True
            await asyncio.to_thread(after_first)

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": parts.path, "raw_path": b"",
        "root_path": "", "query_string": parts.query.encode(), "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()],
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    with ThreadPoolExecutor(1) as elsewhere:  # where no browser of other tests holds the loop
        elsewhere.submit(lambda: asyncio.run(hub.client.app(scope, receive, send))).result()  # type: ignore[arg-type]
    return told, came, ended


def ends(hub: Hub, how: str, number: str, prefix: str) -> Callable[[], None]:
    def act() -> None:
        if how == "recall":
            hub.recall("hazard", 1)
        else:
            with hub.session() as session:
                if how == "grant":
                    grants.revoke(session, number, reason="test")
                else:
                    people.revoke_key(session, prefix)

    return act


@pytest.mark.parametrize("state", ["whole", "ranged", "being cut", "cut again"])
@pytest.mark.parametrize("door", ["key", "link"])
@pytest.mark.parametrize("how", ["recall", "grant", "key"])
def test_it_is_cut_at_the_next_chunk_on_record(hub: Hub, how: str, door: str, state: str) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id", "name"])
    with hub.session() as session:
        key, bearer = people.issue_key(session, people.get_person(session, "other"))
        prefix = key.prefix
    headers = {"Authorization": f"Bearer {bearer}"}
    path = "/api/v1/resources/hazard/versions/1/files"
    url = hub.client.get(path, headers=headers).json()[0]["url"] if door == "link" else f"{path}/0"
    hub.client.get(url, headers=headers)
    if state == "being cut":
        shutil.rmtree(extract_room.root(hub.settings))
    elif state == "cut again":
        for file in extract_room.root(hub.settings).rglob("*.parquet"):
            file.unlink()
    asked = {**(headers if door == "key" else {}), **({"Range": "bytes=100-1000"} if state == "ranged" else {})}
    told, came, ended = download(hub, url, asked, ends(hub, how, number, prefix))
    growing = state in ("being cut", "cut again")
    assert came == CHUNK - growing  # the last byte of a file that is being cut waits for its end
    assert (told == 0) == (state == "being cut")
    assert not ended  # the server closes the connection: nobody takes it for the whole
    with hub.session() as session:
        (record,) = audit.listed(session, action="download.cut")
        assert (record.object, record.outcome, record.detail["bytes"]) == ("hazard", "refused", came)
        assert record.actor == f"key:{prefix}"


@pytest.mark.parametrize("state", ["being cut", "there"])
def test_one_whose_right_lasts_comes_whole(hub: Hub, state: str) -> None:
    path = "/api/v1/resources/hazard/versions/1/files/0"
    if state == "there":
        hub.get(path, "partner")
    told, came, ended = download(hub, path, hub.auth("partner"), lambda: None)
    (file,) = extract_room.root(hub.settings).rglob("*.parquet")
    assert came == file.stat().st_size > CHUNK
    assert told == (came if state == "there" else 0)
    assert ended
    with hub.session() as session:
        assert not audit.listed(session, action="download.cut")
