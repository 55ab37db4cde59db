"""Routes made before anybody asks for one."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute


def premade(router: APIRouter) -> list[BaseRoute]:
    """A router's routes, made: FastAPI does so at the first match, half a second that would hold the loop."""
    for route in router.routes:
        route.matches({"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []})
    return router.routes
