"""The portal's pages on the application: static files, the pages of each place, and errors as pages."""

from __future__ import annotations

from fastapi import FastAPI

from api.portal.acquisition import agreement, channels, completeness, holidays, needs, register
from api.portal.administration import account, audit, bodies, health, packs, people
from api.portal.analysis import questions
from api.portal.batches import actions, batch, correcting, listing, row_corrections
from api.portal.catalogue import contract_versions, entry, explain, grants, onboarding, publish, recall, resource, search
from api.portal.help import pages
from api.portal.shell import errors, sessions, sign_in, static_files
from api.portal.tasks import inbox, jobs
from warehouse.settings import Settings

ROUTERS = (
    search,
    publish,
    resource,
    recall,
    grants,
    contract_versions,
    explain,
    entry,
    needs,
    agreement,
    onboarding,
    register,
    channels,
    listing,
    batch,
    correcting,
    row_corrections,
    actions,
    completeness,
    inbox,
    sign_in,
    sessions,
    holidays,
    pages,
    people,
    bodies,
    account,
    audit,
    health,
    packs,
    jobs,
    questions,
)


def mount(app: FastAPI, settings: Settings) -> None:
    """Add the portal to the application; the paths of the JSON API keep their own errors."""
    app.add_api_route("/static/{name:path}", static_files.static, methods=["GET", "HEAD"], include_in_schema=False)
    for module in ROUTERS:
        app.include_router(module.router)
    errors.install(app, settings)
