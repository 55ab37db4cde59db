"""Answers that the caller has already, and answers made small: conditional requests (RFC 9110, 13) and gzip."""

from __future__ import annotations

import gzip
import hashlib

from starlette.requests import Request
from starlette.responses import Response

SMALLEST = 1_000
"""Bytes of a body that is worth packing."""
REVALIDATED = "private, no-cache"
"""A cache of the caller's own may keep the answer, and asks each time whether its right and its version still hold."""


def tag(*parts: str) -> str:
    """A weak entity tag of an answer that these parts decide."""
    return f'W/"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def has(request: Request, current: str) -> bool:
    """Whether the caller has the answer of this tag (If-None-Match, compared weakly)."""
    told = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    return bool(current) and ("*" in told or current.removeprefix("W/") in [one.removeprefix("W/") for one in told])


def packed(request: Request, response: Response) -> Response:
    """The answer, by gzip where the caller takes that and it is large enough."""
    if len(response.body) >= SMALLEST and _takes_gzip(request.headers.get("accept-encoding", "")):
        response.body = gzip.compress(response.body, 1, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight not in ("0", "0.0", "0.00", "0.000")
    return False
