"""What a delivery or a purchase says is for its sender, its provider and the stewards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from api.app import create_app
from catalog.acquisition.agreements import Agreement
from catalog.deliveries.batches import Batch, BatchState
from catalog.entries.resources import Resource
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.store import database
from tests.api.portal.conftest import client_of, copy_of
from warehouse.settings import Settings

VALUE = "230103198001012345 不是有效的身份证号"
NUMBER = "HT-2026-0417"
ROLES = ("provider", "analyst", "auditor", "administrator", "steward")


@dataclass(frozen=True)
class Told:
    """A filled hub of its own with a refused batch whose message quotes a value."""

    app: FastAPI
    settings: Settings
    batch: str
    dataset: str
    period: str

    def page(self, login: str, address: str) -> tuple[int, str]:
        """Status and text of a page for a person."""
        answer = client_of(self.app, self.settings, login).get(address)
        return answer.status_code, answer.text


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, filled_home: tuple[Path, dict[str, str]]) -> Told:
    """The refused batch, a purchase with its number, and people of another body in every role."""
    settings = copy_of(filled_home, tmp_path_factory.mktemp("concerning") / "var").settings
    with database.session(settings.catalog_database) as session:
        batch = session.exec(select(Batch).order_by(col(Batch.sequence))).first()
        bought = session.exec(select(Agreement).where(Agreement.route == "buy")).first()
        assert batch is not None and bought is not None  # noqa: PT018 - the filling has both
        batch.state, batch.message, batch.message_en = BatchState.REFUSED, VALUE, VALUE
        batch.checks = [{"rule": "rowCount", "passed": False, "message": VALUE, "message_en": VALUE}]
        bought.purchase.contract_number = NUMBER
        resource = session.exec(select(Resource).where(Resource.name == batch.dataset)).one()
        organizations.add(session, Organization(id="elsewhere", name="别处", kind="department"))
        people.add_person(session, "its-provider", "its-provider", resource.provider_id, ("provider",))
        for role in ROLES:
            people.add_person(session, f"other-{role}", role, "elsewhere", (role,))
        return Told(create_app(settings), settings, batch.id, batch.dataset, batch.period)


def test_a_message_is_for_whom_it_concerns(told: Told) -> None:
    answers = {}
    for login in ("its-provider", *(f"other-{role}" for role in ROLES)):
        status, text = told.page(login, f"/batches/{told.batch}")
        answers[login] = (status, VALUE in text)
    assert answers == {
        "its-provider": (200, True),
        "other-provider": (404, False),
        "other-analyst": (200, False),
        "other-auditor": (200, False),
        "other-administrator": (200, False),
        "other-steward": (200, True),
    }


def test_a_provider_lists_its_own_batches_only(told: Told) -> None:
    address, listed = f"/batches?dataset={told.dataset}&period={told.period}", {}
    for login in ("its-provider", "other-provider"):
        status, text = told.page(login, address)
        listed[login] = (status, told.batch in text, 'href="/batches/2' in text)
    assert listed == {"its-provider": (200, True, True), "other-provider": (200, False, False)}


def test_a_price_is_for_those_who_agreed_on_it_and_keep_the_register(told: Told) -> None:
    address = "/acquire?agreement=GM-2026-001"
    seen = {role: NUMBER in told.page(f"other-{role}", address)[1] for role in ROLES}
    assert seen == {"provider": False, "analyst": False, "auditor": True, "administrator": False, "steward": True}
