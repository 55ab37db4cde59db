"""The application: the JSON API, Delta Sharing, health and metrics, and the portal, in one."""

from __future__ import annotations

import importlib.util
from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from api import background, delta_sharing, health, signed_links
from api.http import described, documentation, errors, signing
from api.http.admission import Admission
from api.http.attempts import Attempts
from api.http.headers import SecurityHeaders
from api.http.limits import LARGEST_BODY, InTime, PlainRequests, TooSlow
from api.http.metrics import Counting
from api.http.premade import premade
from api.v1 import (
    acts,
    agreements,
    calendar,
    channels,
    deliveries,
    files,
    jobs,
    lineage,
    onboardings,
    packs,
    people,
    representations,
    resources,
    rows,
    sessions,
    sql,
    versions,
    witness,
)
from api.v1.plain_rows import PlainRows
from catalog.access.compiled import ChangedMeanwhile
from catalog.acquisition.calendars import InvalidCalendar
from catalog.identity.directory import AlreadySo, LastAdministrator
from catalog.workdays import UnknownStep
from hub.audit import NothingToAccept
from hub.corrections import NothingToCorrect, RowsNotOpen
from hub.own import WrongPassword
from hub.people import OwnRoles
from hub.upkeep import NoBackupFolder
from warehouse.settings import Settings

errors.also(NothingToCorrect, 409, "nothing-to-correct")
errors.also(RowsNotOpen, 409, "rows-not-open")
errors.also(LastAdministrator, 409, "last-administrator")
errors.also(AlreadySo, 409, "already-so")
errors.also(NoBackupFolder, 409, "no-backup-folder")
errors.also(NothingToAccept, 409, "nothing-to-accept")
errors.also(WrongPassword, 403, "wrong-password")
errors.also(OwnRoles, 403, "own-roles")
errors.also(UnknownStep, 404, "unknown-step")
errors.also(InvalidCalendar, 422, "invalid-calendar")
errors.also(signed_links.LinkEnded, 403, "link-ended")
errors.also(representations.NotAcceptable, 406, "not-acceptable")
errors.also(signing.SealBroken, 400, "page-mark-invalid")
errors.also(rows.NoKey, 400, "no-key")
errors.also(ChangedMeanwhile, 503, "changed-meanwhile")
errors.also(TooSlow, 408, "too-slow")
errors.also(lineage.EventTooLarge, 413, "event-too-large")

ROUTES = (
    agreements,
    resources,
    rows,
    versions,
    files,
    deliveries,
    onboardings,
    packs,
    lineage,
    sessions,
    people,
    calendar,
    channels,
    witness,
    jobs,
    sql,
)
DESCRIPTION = """
政务数据治理与资源目录平台的接口 / The API of a data-governance hub and resource catalogue.

Send your key as `Authorization: Bearer hui_…`. What you see is decided for each request: items, masks and rows by your grant.
Name the purpose of a use in `X-Purpose` (percent-encoded). Errors are problem details (RFC 9457), Chinese or English by
`Accept-Language`.
"""


def create_app(settings: Settings) -> FastAPI:
    """The whole application over one installation."""
    app = FastAPI(
        title="Hui 汇",
        version="1",
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=LARGEST_BODY,
        lifespan=background.lifespan,
        routes=[*_routes()],
    )
    app.state.settings = settings
    app.state.attempts = Attempts()
    errors.install(app)
    app.mount("/delta-sharing", delta_sharing.create(settings, app.state.attempts))
    if _has_portal():
        from api.portal.shell import errors as pages

        pages.install(app, settings)
    described.describe(app)
    app.router.middleware_stack = PlainRows(app.router.middleware_stack)
    app.add_middleware(Admission)
    app.add_middleware(PlainRequests)
    app.add_middleware(InTime)
    app.add_middleware(Counting)
    app.add_middleware(SecurityHeaders)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """What is answered over any installation."""
    made = APIRouter(max_body_size=LARGEST_BODY)
    for module in ROUTES:
        made.include_router(module.router, prefix="/api/v1")
    made.include_router(acts.router(), prefix="/api/v1")
    made.include_router(signed_links.router)
    made.include_router(health.router)
    made.include_router(documentation.router)
    if _has_portal():
        from api.portal import routes

        routes.add(made)
    return premade(made)


def _has_portal() -> bool:
    return importlib.util.find_spec("api.portal.routes") is not None
