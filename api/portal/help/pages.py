"""帮助: how to use the hub, keys, accessibility, and every component with its states."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.portal.components import gallery
from api.portal.shell.guards import AnyPage
from api.portal.shell.page import render

router = APIRouter(prefix="/help", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def overview(page: AnyPage) -> HTMLResponse:
    """What the places are for."""
    return render(page, "pages/help.html")


@router.get("/keys", response_class=HTMLResponse)
def keys(page: AnyPage) -> HTMLResponse:
    """What the keyboard does."""
    return render(page, "pages/keys.html")


@router.get("/accessibility", response_class=HTMLResponse)
def accessibility(page: AnyPage) -> HTMLResponse:
    """What the portal does for every reader."""
    return render(page, "pages/accessibility.html")


@router.get("/parts", response_class=HTMLResponse)
def components(page: AnyPage) -> HTMLResponse:
    """Every component with all its states."""
    language = page.language
    return render(
        page,
        "pages/parts.html",
        clocks=gallery.clocks(language),
        stages=gallery.stages(language),
        bar=gallery.bar(),
        lineage=gallery.lineage(language),
    )
