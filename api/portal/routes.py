"""The portal's routes: static files and the pages of each place."""

from __future__ import annotations

from fastapi import APIRouter

from api.portal.acquisition import agreement, channels, completeness, holidays, letter, needs, register
from api.portal.administration import account, audit, bodies, health, packs, people
from api.portal.analysis import questions
from api.portal.batches import actions, batch, correcting, listing, row_corrections
from api.portal.catalogue import contract_versions, entry, explain, grants, onboarding, publish, recall, resource, search
from api.portal.help import pages
from api.portal.shell import sessions, sign_in, static_files
from api.portal.tasks import inbox, jobs

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
    letter,
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


def add(router: APIRouter) -> None:
    """The portal's routes, beside those of the JSON API."""
    router.add_api_route("/static/{name:path}", static_files.static, methods=["GET", "HEAD"], include_in_schema=False)
    for module in ROUTERS:
        router.include_router(module.router)
