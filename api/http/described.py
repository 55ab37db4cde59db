"""The API's description says what is sent: every operation names its problems, as the problem documents they are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.errors import TITLES

PROBLEM = "Problem"
MEDIA = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem (RFC 9457)",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:hui:problem:refused"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do next, Chinese or English by Accept-Language."},
        "instance": {"type": "string"},
        "policies": {"type": "array", "items": {"type": "string"}, "description": "Which policies refused."},
        "action": {"type": "string"},
        "reference": {"type": "string", "description": "Number of a fault in the server's log."},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}
EVERYWHERE = (400, 401, 403, 414, 429, 500, 503)
"""Any operation may answer so: an odd or endless address, a dead key, a refusal, too many at once, a fault of ours."""
OF_PATHS = (404,)
OF_INPUTS = (422,)
OF_BODIES = (408, 413, 422)
BARE = ("/health", "/ready")
"""They ask neither catalogue nor policies who it is."""


def describe(app: FastAPI) -> None:
    """Let the application describe itself so."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def described(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, its own form of 422 put away, with the problems and the two ways to come: with a key, without."""
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    parts = schema.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas[PROBLEM] = SCHEMA
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "hui_…"}}
    schema["security"] = [{"key": []}, {}]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status in _statuses(path, operation):
                known = operation["responses"].get(str(status), {})
                operation["responses"][str(status)] = _problem(status, known.get("description", ""))
    return schema


def _statuses(path: str, operation: dict[str, Any]) -> list[int]:
    if path in BARE:
        return [400, 414]
    found = {*EVERYWHERE, *(int(status) for status in operation["responses"] if int(status) >= 400)}
    found |= {*OF_PATHS} if "{" in path else set()
    found |= {*OF_INPUTS} if operation.get("parameters") else set()
    found |= {*OF_BODIES} if operation.get("requestBody") else set()
    return sorted(found)


def _problem(status: int, words: str) -> dict[str, Any]:
    plain = words if words and words != "Validation Error" else TITLES[status][1]
    return {"description": plain, "content": {MEDIA: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}}
