"""One way to data: the decision with its version. Staff, partner bodies and senders see what their own right shows, no more."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow.parquet as parquet
import pytest
from sqlmodel import select
from typer.testing import CliRunner

from catalog import access, workdays
from catalog.access import grants
from catalog.deliveries.batches import Batch, BatchState
from catalog.entries import resources
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.releases.releases import Release
from cli.main import app as command
from contracts.clock import now
from tests.sharing import PURPOSE, Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

FULL = "13800000002"
PAGE = {"accept": "text/html"}


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of its own for each test: they recall, withdraw and close."""
    made = built(Settings(home=tmp_path_factory.mktemp("way") / "var", _env_file=None))
    with made.session() as session:
        organizations.set_own(session, "hlj-emergency")
        workdays.seed(session)
    yield made
    connection.forget(made.settings)


def preview(hub: Hub, who: str, dataset: str = "hazard") -> str:
    """The preview page as a person sees it, signed in."""
    with hub.session() as session:
        _, token = people.begin(session, people.get_person(session, who))
    answer = hub.client.get(f"/resources/{dataset}/preview", headers=PAGE, cookies={"hui_session": token, "hui_lang": "zh"})
    hub.client.cookies.clear()
    assert answer.status_code in (200, 403), answer.text[:200]
    return str(answer.text)


def rows(hub: Hub, who: str, dataset: str = "hazard", **more: Any) -> Any:
    return hub.get(f"/api/v1/resources/{dataset}/rows", who, **more)


class TestPreviewIsOfAReleasedVersion:
    def test_partners_see_no_unreleased_row(self, hub: Hub) -> None:
        hub.run("UPDATE lake.resource.hazard SET name = '未审核的名称'")
        for who in ("partner", "owner", "analyst", "steward"):
            page = preview(hub, who)
            assert "未审核的名称" not in page, who
            assert "罐区6" in page, who

    def test_partners_see_nothing_after_every_version_was_recalled(self, hub: Hub) -> None:
        for version in (1, 2):
            hub.recall("hazard", version)
        page = preview(hub, "partner")
        assert "罐区" not in page
        assert "released-versions" in page
        assert "罐区6" in preview(hub, "owner"), "a provider goes on with its table as it is now"

    def test_partners_see_nothing_before_the_first_release(self, hub: Hub) -> None:
        with hub.session() as session:
            weather = resources.get(session, "weather")
            for release in session.exec(select(Release).where(Release.resource_id == weather.id)):
                session.delete(release)
        assert "罐区" not in preview(hub, "partner", "weather")


class TestStaffOfTheHubsOwnBody:
    """`hazard` is the own body's: 4481aa4 took its analysts and stewards for its providers and showed them every number."""

    @pytest.mark.parametrize("who", ["analyst", "steward"])
    def test_personal_and_l3_items_are_masked(self, hub: Hub, who: str) -> None:
        told = rows(hub, who).json()["rows"]
        assert told
        assert {row["owner_phone"] for row in told} == {None}
        assert {row["capital"] for row in told} == {None}
        assert {row["secret_code"] for row in told} == {None}
        page = preview(hub, who)
        assert FULL not in page
        assert "personal-information" in page, "the page names the policy"
        assert "grade-3-by-name" in page

    def test_no_file_of_theirs_holds_them(self, hub: Hub) -> None:
        listed = hub.get("/api/v1/resources/hazard/versions/2/files", "analyst")
        if listed.status_code == 200:
            bytes_ = hub.client.get(listed.json()[0]["url"]).content
            assert set(parquet.read_table(io.BytesIO(bytes_))["owner_phone"].to_pylist()) == {None}

    def test_a_grant_that_names_them_opens_them(self, hub: Hub) -> None:
        hub.grant("hazard", "hlj-emergency", items=["hazard_id", "owner_phone"])
        told = rows(hub, "analyst").json()["rows"]
        assert FULL in {row["owner_phone"] for row in told}
        assert {row["capital"] for row in told} == {None}

    def test_a_grant_of_some_rows_does_not_open_all(self, hub: Hub) -> None:
        hub.grant("hazard", "hlj-emergency", items=["hazard_id", "owner_phone"], row_filter="level = 1")
        assert {row["owner_phone"] for row in rows(hub, "analyst").json()["rows"]} == {None}

    def test_an_ended_grant_opens_nothing(self, hub: Hub) -> None:
        number = hub.grant("hazard", "hlj-emergency", items=["hazard_id", "owner_phone"])
        with hub.session() as session:
            grants.revoke(session, number, reason="到期")
        assert {row["owner_phone"] for row in rows(hub, "steward").json()["rows"]} == {None}

    def test_providers_keep_their_own(self, hub: Hub) -> None:
        assert FULL in {row["owner_phone"] for row in rows(hub, "owner").json()["rows"]}


def person(hub: Hub, login: str, organization: str, *roles: str) -> None:
    with hub.session() as session:
        hub.keys[login] = people.issue_key(session, people.add_person(session, login, login, organization, roles))[1]


class TestPurpose:
    OTHER = "emergency"

    def test_is_bound_for_an_unconditional_resource_with_a_grant(self, hub: Hub) -> None:
        hub.grant("weather", "hlj-transport", items=["hazard_id", "capital"], purpose="routing")
        refused = rows(hub, "partner", "weather", headers={"X-Purpose": self.OTHER})
        assert (refused.status_code, refused.json()["policies"]) == (403, ["purpose-bound"])
        assert rows(hub, "partner", "weather", headers={"X-Purpose": "routing"}).status_code == 200

    @pytest.mark.parametrize("role", ["analyst", "steward"])
    def test_is_bound_for_those_who_work_in_a_partner_body(self, hub: Hub, role: str) -> None:
        person(hub, f"their-{role}", "hlj-transport", role)
        refused = rows(hub, f"their-{role}", headers={"X-Purpose": self.OTHER})
        assert (refused.status_code, refused.json()["policies"]) == (403, ["purpose-bound"])

    def test_of_an_ended_grant_binds_nobody(self, hub: Hub) -> None:
        hub.grant("weather", "hlj-transport", purpose="routing", expires_at=now() + timedelta(days=1))
        with hub.session() as session:
            weather = resources.get(session, "weather")
            who = people.authenticate(session, hub.keys["partner"])
            assert who is not None
            late = now() + timedelta(days=2)
            assert access.decide(session, who, "read-rows", weather, purpose=self.OTHER, now=late).allowed


class TestInactiveOrganization:
    def test_its_grants_and_rights_end(self, hub: Hub) -> None:
        assert rows(hub, "partner").status_code == 200
        with hub.session() as session:
            session.get_one(Organization, "hlj-transport").active = False
        for dataset in ("hazard", "weather"):
            refused = rows(hub, "partner", dataset)
            assert refused.status_code in (401, 403), dataset
        with hub.session() as session:
            subject = people.Subject("x", organization_id="hlj-transport", person_id="x", roles=frozenset({"partner"}))
            told = access.decide(session, subject, "read-rows", resources.get(session, "hazard"))
            assert (told.allowed, told.policies) == (False, ("inactive-organization",))


class TestSender:
    """A reporting agency looks at the rows it sent, and at no other's."""

    def sent(self, hub: Hub, dataset: str, batch: str, organization: str, state: str = BatchState.LOADED) -> None:
        with hub.session() as session:
            held = session.get(Batch, batch)
            if held is None:
                held = Batch(
                    id=batch, dataset=dataset, organization_id=organization, contract_version="1.0.0", sha256=batch * 32,
                    filename="a.csv", bytes=1, route="collect", sequence=int(batch[1:]) + 1,
                )  # fmt: skip
            held.state = BatchState(state)
            session.add(held)

    def test_previews_its_own_rows_and_downloads_none(self, hub: Hub) -> None:
        self.sent(hub, "hazard", "b0", "hlj-water")
        page = preview(hub, "other")
        assert "罐区3<" in page or "罐区3\n" in page or "罐区3</" in page
        assert "罐区1<" not in page
        assert "罐区2<" not in page
        assert "13800000003" in page, "what it sent itself it may see whole"
        assert rows(hub, "other").status_code == 403
        assert rows(hub, "other", params={"version": "current"}).status_code == 403

    def test_sees_none_of_a_batch_that_was_undone(self, hub: Hub) -> None:
        self.sent(hub, "hazard", "b0", "hlj-water", BatchState.UNDONE)
        assert "罐区" not in preview(hub, "other")

    def test_of_an_unconditional_resource_without_a_version_sees_its_own_only(self, hub: Hub) -> None:
        hub.recall("weather", 1)
        self.sent(hub, "weather", "b1", "hlj-water")
        page = preview(hub, "other", "weather")
        assert "罐区1<" in page
        assert "罐区2<" not in page
        assert "罐区3<" not in page


class TestQuestions:
    def ask(self, hub: Hub, who: str, sql: str) -> Any:
        env = {"HUB_HOME": str(hub.settings.home), "HUB_LANG": "en"}
        return CliRunner(env=env).invoke(command, ["sql", "--as", hub.keys[who], sql])

    def test_a_hidden_name_is_as_one_that_is_not_there(self, hub: Hub) -> None:
        with hub.session() as session:
            resources.get(session, "weather").state = "draft"
        told = [self.ask(hub, "outsider", f"SELECT * FROM resource.{name}") for name in ("weather", "nosuchx")]
        assert [one.exit_code for one in told] == [told[0].exit_code] * 2 != [0, 0]
        assert told[0].output.replace("weather", "…") == told[1].output.replace("nosuchx", "…")

    def test_analysts_ask_no_draft_that_the_api_hides(self, hub: Hub) -> None:
        with hub.session() as session:
            resources.get(session, "weather").state = "draft"
        assert rows(hub, "analyst", "weather").status_code == 404
        told = self.ask(hub, "analyst", "SELECT name FROM resource.weather")
        assert told.exit_code != 0
        assert "罐区" not in told.output


def test_every_mask_of_a_view_says_which_policy_made_it(hub: Hub) -> None:
    with hub.session() as session:
        who = people.authenticate(session, hub.keys["analyst"])
        assert who is not None
        told = access.decide(session, who, "query", resources.get(session, "hazard"))
    assert told.closed == {
        "capital": ("grade-3-by-name",),
        "owner_phone": ("personal-information",),
        "secret_code": ("grade-4-stays",),
    }
    assert json.dumps(sorted(told.view.masks if told.view else {})) == json.dumps(sorted(told.closed))


def test_purposes_of_the_provider_itself_are_its_own(hub: Hub) -> None:
    hub.grant("hazard", "hlj-emergency", items=["hazard_id", "owner_phone"], purpose=PURPOSE)
    assert rows(hub, "owner", headers={"X-Purpose": "anything"}).status_code == 200


def test_a_browser_s_cookie_does_nothing_where_no_form_s_token_is_asked_for(hub: Hub) -> None:
    """Another page on the same site can make it send a plain text to any door: the cookie comes along, a key does not."""
    tokens = {}
    with hub.session() as session:
        for who in ("steward", "auditor", "administrator"):
            tokens[who] = people.begin(session, people.get_person(session, who))[1]
    event = (
        '{"eventType":"COMPLETE","eventTime":"2026-03-11T09:00:00Z","run":{"runId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"},'
        '"job":{"namespace":"etl","name":"by-cookie"},"inputs":[],"outputs":[],"producer":"https://example.org/etl"}'
    )
    schema = hub.client.get("/api/v1/openapi.json").json()
    doors = [(m, path) for path, acts in schema["paths"].items() for m in acts if m not in ("get", "head", "options")]
    assert len(doors) >= 5
    doors.append(("post", "/delta-sharing/shares/hlj-emergency/schemas/resource/tables/hazard/query"))
    filled = defaultdict(lambda: "20260101-0001", year="2098", resource="hazard", version="1", login="partner")
    bodies = {"lineage": event, "calendar": "date,working,name\n2098-01-01,no,元旦\n", "witness": '{"seals": []}'}
    for who, token in tokens.items():
        for method, path in doors:
            address = path.format_map(filled)
            body = next((text for word, text in bodies.items() if word in path), "{}")
            kind = "application/json" if "witness" in path else "text/plain"
            answer = hub.client.request(
                method, address, content=body.encode(), cookies={"hui_session": token}, headers={"Content-Type": kind}
            )
            hub.client.cookies.clear()
            assert answer.status_code in (401, 403), (who, method, address, answer.status_code)
    event_by_key = hub.client.post("/api/v1/lineage", content=event, headers=hub.auth("steward"))
    assert event_by_key.json()["new"] is True
