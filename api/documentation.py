"""/docs: the API's description in Swagger UI, served from the npm package's files; no other host is asked."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Hui 汇 API</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/vendor/swagger-ui.css"><link rel="icon" href="data:,"></head>
<body><div id="swagger-ui"></div>
<script src="/static/vendor/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
START = """SwaggerUIBundle({url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null,
  persistAuthorization: false, presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout'});
"""


@router.get("/docs")
def page() -> Response:
    """The page; its one script is a file, since the policy allows none inline."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
def start() -> Response:
    """What starts Swagger UI."""
    return Response(START, media_type="text/javascript; charset=utf-8")
