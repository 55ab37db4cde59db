"""The portal's pages on the application: static files, the pages of each place, and errors as pages."""

from __future__ import annotations

from fastapi import FastAPI

from api.portal import (
    batch,
    batches,
    board,
    channels,
    correcting,
    deciding,
    errors,
    help,
    holidays,
    home,
    inbox,
    recalling,
    register,
    resource,
    served,
    sessions,
    signin,
)
from warehouse.settings import Settings

ROUTERS = (
    home, resource, recalling, register, channels, batches, batch, correcting, deciding, board, inbox, signin, sessions,
    holidays, help,
)  # fmt: skip


def mount(app: FastAPI, settings: Settings) -> None:
    """Add the portal to the application; the paths of the JSON API keep their own errors."""
    app.add_api_route("/static/{name:path}", served.static, methods=["GET", "HEAD"], include_in_schema=False)
    for module in ROUTERS:
        app.include_router(module.router)
    errors.install(app, settings)
