"""Is the process alive, is it ready to serve, and what has it done so far."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from api.http.dependencies import SessionDep, SettingsDep, SubjectDep
from api.http.metrics import together
from catalog import access
from catalog.store import database
from warehouse.storage import connection

router = APIRouter(tags=["health"])


@router.get("/health", summary="Alive")
async def health() -> dict[str, str]:
    """The process answers: in the loop itself, without a thread or a database, so that it tells when the loop is held."""
    return {"status": "ok"}


@router.get("/ready", summary="Ready to serve", responses={503: {"description": "Catalogue or lake cannot be read"}})
def ready(settings: SettingsDep, request: Request) -> Response:
    """Catalogue and lake can be read. The reasons are in the server's log, not in the answer."""
    parts = {"catalog": _catalog(settings.catalog_database), "lake": connection.exists(settings)}
    good = all(parts.values())
    told = {"status": "ready" if good else "not ready", **{name: "ok" if fine else "failed" for name, fine in parts.items()}}
    return JSONResponse(told, 200 if good else 503, {} if good else {"Retry-After": "5"})


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(session: SessionDep, subject: SubjectDep) -> Response:
    """Counts and times since the process began, for administrators, auditors and stewards: they tell who asks for what."""
    access.require(session, subject, "read-metrics", None)
    return Response(generate_latest(together()), media_type=CONTENT_TYPE_LATEST)


def _catalog(url: str) -> bool:
    try:
        with database.session(url) as session:
            session.connection().execute(text("SELECT 1 FROM resource LIMIT 1"))
    except Exception:
        return False
    return True
