"""Odd parameters of pages: an address that somebody typed or altered never makes the hub fail."""

from __future__ import annotations

import pytest

from tests.api.portal.conftest import Reader
from tests.api.portal.filling import COLLECTION, Filled

ODD = ("", "-1", "9" * 25, "9" * 5000, "²", "'", "a:b", "0001-01-01", "2026Q9", "2026-13", "9999", "9999-12", "0001", "{{7*7}}")
PLACES = {
    "/": ("q", "page", "size", "sort", "sharing", "format", "library"),
    "/batches": ("page", "size", "state", "route", "period"),
    "/batches/{batch}": ("page", "rule", "item", "columns"),
    "/acquire": ("route", "stage", "late", "agreement", "open"),
    f"/collect/{COLLECTION}": ("to", "cell", "gaps"),
    f"/collect/{COLLECTION}/board.xlsx": ("to",),
    f"/collect/{COLLECTION}/template.xlsx": ("agency", "period"),
    "/resources/major_hazard/items": ("find",),
    "/resources/major_hazard/versions": ("from", "to"),
    "/sign-in": ("next",),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_page_fails_on_odd_parameters(reader: Reader, hub: Filled, place: str) -> None:
    steward, path = reader("steward"), place.format(batch=hub.batches["jiamusi"])
    for name in PLACES[place]:
        for value in ODD:
            answer = steward.get(path, params={name: value})
            assert answer.status_code < 500, (name, value[:40])
