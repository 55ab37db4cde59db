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
<link rel="stylesheet" href="/static/vendor/swagger-ui.css">
<link rel="stylesheet" href="/docs/ink.css"><link rel="icon" href="data:,"></head>
<body><div id="swagger-ui"></div>
<script src="/static/vendor/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
START = """SwaggerUIBundle({url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null,
  persistAuthorization: false, presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout'});
"""


INK = """/* Swagger UI's own colours fall below 4.5:1 (WCAG 2.2, 1.4.3): the same hues, darker. */
.swagger-ui .info .title small pre.version { background: #4d5462; }
.swagger-ui .info .title small.version-stamp, .swagger-ui .info .title small.version-stamp pre.version { background: #44610a; }
.swagger-ui .info .link .url { color: #1d5fa8; }
.swagger-ui .btn.authorize, .swagger-ui .btn.authorize span { color: #14713f; border-color: #14713f; }
.swagger-ui .btn.authorize svg { fill: #14713f; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1d5fa8; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #14713f; }
.swagger-ui .opblock.opblock-delete .opblock-summary-method { background: #b3261e; }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #8a5200; }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #0b6e63; }
.swagger-ui .parameter__name.required span, .swagger-ui .parameter__name.required::after { color: #a8121a; }
.swagger-ui .parameter__in, .swagger-ui .parameter__deprecated, .swagger-ui .prop-format { color: #4f5560; }
.swagger-ui .highlight-code > .microlight span[style*="211, 99, 99"] { color: #ff9a9a !important; }
.swagger-ui .json-schema-2020-12-expand-deep-button, .swagger-ui .json-schema-2020-12__attribute { color: #4f5560; }
"""


@router.get("/docs/ink.css")
def ink() -> Response:
    """Its colours, readable."""
    return Response(INK, media_type="text/css; charset=utf-8")


@router.get("/docs")
def page() -> Response:
    """The page; its one script is a file, since the policy allows none inline."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
def start() -> Response:
    """What starts Swagger UI."""
    return Response(START, media_type="text/javascript; charset=utf-8")
