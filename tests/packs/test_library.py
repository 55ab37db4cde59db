"""A library's pack walks the whole way in a fresh home: no other room knows a word of it (issue 7, outcomes 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from catalog.identity import people
from catalog.identity.organizations import Organization
from catalog.identity.people import Role
from catalog.matching import matches
from catalog.matching.likening import Wanted
from cli import init
from hub import deliveries, packs, releases, sharing
from hub.deliveries import Deliver
from hub.hub import Hub, open_hub
from hub.packs import AddPack, RemovePack
from hub.releases import Publish
from hub.sharing import GrantRight
from orchestration.execute import execute
from orchestration.project import described
from tests.packing import LIBRARY, TESTER
from warehouse.settings import Settings
from warehouse.storage import connection

LOCAL = people.local_subject("test")
BOOKS = "馆藏编号,书名,热度\nB1,红楼梦,热门\nB2,天工开物,一般\nB3,水经注,冷门\n"
LOANS = "借阅编号,馆藏编号,借出日期\nL1,B1,2026-03-01\nL2,B1,2026-03-05\nL3,B2,2026-02-30\n"


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """A fresh home, as `hub init` makes it, with a library and a reader's office."""
    init.prepare(settings, Organization(id="city-library", name="市图书馆", kind="department"), named=True)
    hub = open_hub(settings)
    with hub.session() as session:
        session.add(Organization(id="city-office", name="市统计局", kind="department"))
        session.flush()
        people.add_person(session, "reader", "读者", "city-office", [Role.PARTNER])
    yield hub
    connection.forget(settings)


def deliver(hub: Hub, folder: Path, dataset: str, text: str) -> tuple[int, int]:
    path = folder / f"{dataset}.csv"
    path.write_text(text, encoding="utf-8")
    given = Deliver(resource=dataset, file=path, organization="city-library")
    done = deliveries.deliver(hub, LOCAL, given)
    return done.accepted, done.quarantined


def key_of(hub: Hub, login: str) -> dict[str, str]:
    with hub.session() as session:
        return {"Authorization": f"Bearer {people.issue_key(session, people.get_person(session, login))[1]}"}


def test_the_whole_way(hub: Hub, tmp_path: Path) -> None:
    assert packs.add(hub, TESTER, AddPack(file=LIBRARY)).outcome == "added"
    assert deliver(hub, tmp_path, "book", BOOKS) == (2, 1), "冷门 is not in the pack's code list"
    assert deliver(hub, tmp_path, "loan", LOANS) == (2, 1), "30 February"
    (done,) = execute(hub.settings, ["models"])
    assert done.success, done.problems
    assert [(one.model, one.rows, one.failed) for one in done.built] == [("book_use", 2, 0)]
    for name in ("book", "loan", "book_use"):
        assert releases.publish(hub, LOCAL, Publish(resource=name)).version == 1
    right = GrantRight(resource="loan", organization="city-office", purpose="阅读统计", items=["loan_id", "book_id"])
    sharing.grant(hub, LOCAL, right)

    client, key = TestClient(create_app(hub.settings)), key_of(hub, "reader")
    use = client.get("/api/v1/resources/book_use/rows", headers=key)
    assert [(row["title"], row["loans"]) for row in use.json()["rows"]] == [("红楼梦", 2), ("天工开物", 0)]
    purpose = {"X-Purpose": "%E9%98%85%E8%AF%BB%E7%BB%9F%E8%AE%A1"}
    loans = client.get("/api/v1/resources/loan/rows", headers=key | purpose)
    assert [sorted(row) for row in loans.json()["rows"]] == [["book_id", "loan_id"]] * 2
    assert client.get("/api/v1/resources/loan/rows").status_code in (401, 403, 404), "nobody is nobody"
    assert client.get("/api/v1/resources?q=借书", headers=key).json()["items"], "the pack's synonym finds what is lent"
    with hub.session() as session:
        wanted = [Wanted("barcode"), Wanted("借书日期")]
        found = matches.matches(session, LOCAL, wanted, title="借书")
        assert (found[0].resource.name, found[0].enough) == ("loan", True), "the pack's thesaurus tells what is meant"
    page = client.get("/?lang=en").text
    assert "Public library data catalogue" in page
    assert "mergency" not in page


def test_without_it_the_hub_is_nobodys(hub: Hub) -> None:
    (done,) = execute(hub.settings, ["models"])
    assert done.success
    assert described(hub.settings) == {}
    page = TestClient(create_app(hub.settings)).get("/?lang=en").text
    assert "Government data resource catalogue" in page


def test_when_it_is_removed_the_rows_stay(hub: Hub, tmp_path: Path) -> None:
    packs.add(hub, TESTER, AddPack(file=LIBRARY))
    deliver(hub, tmp_path, "book", BOOKS)
    (done,) = execute(hub.settings, ["models"])
    packs.remove(hub, TESTER, RemovePack(pack="library", keep_datasets=True))
    (after,) = execute(hub.settings, ["models"])
    assert (done.success, after.success, after.built) == (True, True, ())
    with connection.reader(hub.settings) as reader:
        assert reader.execute("SELECT count(*) FROM resource.book").fetchone() == (2,)
        assert reader.execute("SELECT count(*) FROM theme.book_use").fetchone() == (2,)
