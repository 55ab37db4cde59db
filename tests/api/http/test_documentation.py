"""The API's page is readable."""

from __future__ import annotations

import pytest

from api.app import create_app
from tests.api.contrast import FAINT
from tests.loop import served
from warehouse.settings import Settings

CHROMIUM = "/usr/bin/chromium"


@pytest.mark.browser
def test_its_text_stands_out_from_its_ground(settings: Settings) -> None:
    """At 4481aa4: 107 texts below 4.5:1."""
    playwright = pytest.importorskip("playwright.sync_api")
    with served(create_app(settings)) as (address, _), playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.goto(f"{address}/docs")
        page.wait_for_selector(".opblock", timeout=60_000)
        for method in ("get", "post", "delete"):
            page.locator(f".opblock-{method} .opblock-summary-control").first.click()
        page.wait_for_selector(".opblock-delete .responses-wrapper", timeout=60_000)
        faint = page.evaluate(FAINT)
        browser.close()
    assert not faint, faint[:5]
