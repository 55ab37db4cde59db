"""What a caller has already is not sent again, and what is sent is packed for those who take it; both under the same right."""

from __future__ import annotations

import gzip
import json

import pytest
from sqlmodel import col, select

from catalog.access import grants
from catalog.audit.chain import AuditRecord
from tests.sharing import Hub

ROWS = "/api/v1/resources/hazard/rows"
QUIET = {"accept-encoding": "identity"}


def last(hub: Hub) -> AuditRecord:
    with hub.session() as session:
        return session.exec(select(AuditRecord).order_by(col(AuditRecord.sequence).desc())).first()  # type: ignore[return-value]


@pytest.mark.parametrize("address", [f"{ROWS}?limit=5", f"{ROWS}/MH-0002", f"{ROWS}?limit=5&format=csv&bom=true"])
def test_what_one_has_is_not_read_again_and_is_on_record(hub: Hub, address: str) -> None:
    first = hub.get(address, "partner")
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    for told in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*", first.headers["etag"].removeprefix("W/")):
        again = hub.get(address, "partner", headers={"If-None-Match": told})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (last(hub).outcome, last(hub).detail["rows"], last(hub).detail["unchanged"]) == ("allowed", 0, True)
    assert hub.get(address, "partner", headers={"If-None-Match": '"other"'}).status_code == 200


def test_each_question_view_and_version_has_a_tag_of_its_own(hub: Hub) -> None:
    asked = [
        f"{ROWS}?limit=5", f"{ROWS}?limit=6", f"{ROWS}?limit=5&select=name", f"{ROWS}?limit=5&filter=level%3D1",
        f"{ROWS}?limit=5&order=name", f"{ROWS}?limit=5&version=1", f"{ROWS}?limit=5&format=ndjson", f"{ROWS}/MH-0002",
    ]  # fmt: skip
    tags = [hub.get(address, who).headers["etag"] for who in ("partner", "owner") for address in asked]
    assert len(set(tags)) == len(tags)
    assert "etag" not in hub.get(f"{ROWS}?version=current", "owner").headers, "the table as it is now changes all the time"


def test_a_tag_opens_nothing(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id", "name"])
    known = {"If-None-Match": hub.get(f"{ROWS}?limit=2", "other").headers["etag"]}
    assert hub.get(f"{ROWS}?limit=2", "other", headers=known).status_code == 304
    with hub.session() as session:
        grants.revoke(session, number, reason="ended")
    assert hub.get(f"{ROWS}?limit=2", "other", headers=known).status_code == 403
    assert hub.get(f"{ROWS}?limit=2", headers=known).status_code in (401, 403)


def test_packed_for_those_who_take_it(hub: Hub) -> None:
    plain = hub.get(f"{ROWS}?limit=50&format=ndjson", "partner", headers=QUIET)
    assert "content-encoding" not in plain.headers
    for takes in ("gzip", "br, gzip;q=0.5", "GZIP"):
        with hub.client.stream(
            "GET", f"{ROWS}?limit=50&format=ndjson", headers=hub.auth("partner") | {"accept-encoding": takes}
        ) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) == len(raw) < len(plain.content)
        assert gzip.decompress(raw) == plain.content
        assert "Accept-Encoding" in answer.headers["vary"]
    for refuses in ("gzip;q=0", "br", "identity"):
        answer = hub.get(f"{ROWS}?limit=50&format=ndjson", "partner", headers={"accept-encoding": refuses})
        assert "content-encoding" not in answer.headers
    small = hub.get(f"{ROWS}/MH-0002", "partner", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    assert json.loads(small.content)["rows"]
