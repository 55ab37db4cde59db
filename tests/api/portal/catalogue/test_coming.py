"""数据怎么来: the agreement beside a resource, of every route, whatever it leaves empty."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.app import create_app
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled


@pytest.mark.parametrize("route", ["request", "buy"])
def test_an_agreement_without_a_legal_basis(fresh_hub: Filled, route: str) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        agreement = session.exec(select(Agreement).where(Agreement.dataset == "landslide")).one()
        agreement.legal_basis, agreement.route = "", route
        if route == "buy":
            session.add(PurchaseTerms(agreement_id=agreement.id, contract_number="HLJ-2026-017"))
        session.add(agreement)
    page = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward").get("/resources/landslide")
    assert page.status_code == 200, page.text
    assert ("HLJ-2026-017" in page.text) == (route == "buy")
