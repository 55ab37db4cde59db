"""Static files: the gzip copy where there is one and the browser takes it; kept for a year where the address has a hash."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.portal.shell.page import STATIC

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


def static(request: Request, name: str) -> Response:
    """One file of the static folder, never one outside it."""
    try:
        path = (STATIC / name).resolve()
        there = path.is_relative_to(STATIC) and path.is_file() and not path.name.startswith(".")
    except OSError:  # a name longer than names can be
        there = False
    if not there:
        raise HTTPException(404)
    packed = path.with_name(path.name + ".gz")
    use_packed = "gzip" in request.headers.get("accept-encoding", "") and packed.is_file()
    response = FileResponse(packed if use_packed else path, media_type=kind_of(path))
    if use_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["X-Content-Type-Options"] = "nosniff"
    kept = "public, max-age=31536000, immutable" if request.query_params.get("v") else "public, max-age=300"
    response.headers["Cache-Control"] = kept
    return response


def kind_of(path: Path) -> str:
    """Media type of a static file."""
    return KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
