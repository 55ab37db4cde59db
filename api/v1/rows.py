"""Rows of a dataset, under the caller's view: filter, select, order, pages by key."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.http import signing
from api.http.dependencies import PurposeDep, SessionDep, SettingsDep, SubjectDep
from api.v1 import representations
from catalog.access import use
from contracts.errors import HubError
from warehouse.serving import pages as query
from warehouse.settings import Settings

router = APIRouter(tags=["rows"])
MOST = 10_000
"""Rows of one page."""
EXAMPLE = {
    "version": 3,
    "next": "gAAAAABl…",
    "rows": [{"hazard_id": "230803-MH-0042", "name": "液氨球罐区", "division": "230803", "level": 1, "r_value": 128.5}],
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows. NDJSON, CSV, Arrow and Parquet tell the next page's mark in the header `X-Next`.",
        "content": {
            "application/json": {"example": EXAMPLE},
            **{name: {} for name in representations.FORMS if name != "application/json"},
        },
    },
    403: {"description": "Refused; names the policies"},
    406: {"description": "No form that the caller accepts"},
}


class NoKey(HubError):
    """Rows cannot be named by key."""


SelectQ = Annotated[str, Query(description="Items, comma-separated; empty: all you may see", examples=["hazard_id,name,level"])]
FilterQ = Annotated[
    str,
    Query(
        description="A condition over items: comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL, LIKE, a few functions",
        examples=["level = 1 AND division LIKE '2308%'"],
    ),
]
OrderQ = Annotated[
    str, Query(description="Items, comma-separated, `-` before one that descends; then the key", examples=["-r_value"])
]
VersionQ = Annotated[
    str,
    Query(pattern=r"^(\d{1,9}|current)?$", description="A number; `current`: the unreleased table; empty: the newest version"),
]
FormatQ = Annotated[str, Query(description="json, ndjson, csv, arrow or parquet, in the place of Accept")]
BomQ = Annotated[bool, Query(description="CSV begins with a byte order mark, for spreadsheets")]


@router.get("/resources/{name}/rows", summary="Rows", responses=ANSWERS, response_class=Response)
def rows(
    name: str,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    select: SelectQ = "",
    filter: FilterQ = "",
    order: OrderQ = "",
    after: Annotated[str, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
    version: VersionQ = "",
    format: FormatQ = "",
    bom: BomQ = False,
) -> Response:
    """One page of rows. A page's `next` goes into `after` of the next request, with the same filter, order and version."""
    form = representations.chosen(request, format)
    asked = use.read(session, subject, name, "read-rows", version=version, purpose=purpose)
    mark = _mark(asked, filter, order)
    page = query.page(
        settings,
        asked.contract,
        asked.view,
        choose=_names(select),
        where=filter,
        order=_names(order),
        after=_opened(settings, after, mark) if after else None,
        limit=limit,
        snapshot=asked.snapshot,
    )
    following = signing.seal(settings, [mark, *page.after]) if page.after is not None else None
    use.record(session, subject, "read-rows", asked, rows=page.table.num_rows, filter=filter, select=select)
    return _answer(form, page.table, asked, following, bom)


@router.get("/resources/{name}/rows/{key}", summary="One row by its key", responses=ANSWERS, response_class=Response)
def row(
    name: str,
    key: str,
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    subject: SubjectDep,
    purpose: PurposeDep,
    select: SelectQ = "",
    version: VersionQ = "",
    format: FormatQ = "",
) -> Response:
    """The row of that primary key; several key values are joined by commas. An empty list: no such row for you."""
    form = representations.chosen(request, format)
    asked = use.read(session, subject, name, "read-rows", version=version, purpose=purpose)
    items = asked.contract.key
    values = key.split(",") if len(items) > 1 else [key]
    if not items or len(values) != len(items) or not set(items) <= set(asked.view.items):
        raise NoKey(
            f"此资源不能按主键读取（主键：{'、'.join(items) or '无'}）。",
            f"Rows of this resource cannot be read by key (key: {', '.join(items) or 'none'}).",
        )
    page = query.page(
        settings,
        asked.contract,
        asked.view,
        choose=_names(select),
        equals=dict(zip(items, values, strict=True)),
        limit=100,
        snapshot=asked.snapshot,
    )
    use.record(session, subject, "read-rows", asked, rows=page.table.num_rows, key=True)
    return _answer(form, page.table, asked, None, False)


def _answer(form: str, table: Any, asked: use.Reading, following: str | None, bom: bool) -> Response:
    version = asked.release.version if asked.release else use.CURRENT
    body = representations.encoded(form, table, after=following, version=version, bom=bom)
    kind = f"{form}; charset=utf-8" if form.startswith("text/") or "json" in form else form
    headers = {"X-Version": str(version), "Vary": "Accept, Authorization"}
    if following:
        headers["X-Next"] = following
    if form == "text/csv":
        headers["Content-Disposition"] = f'attachment; filename="{asked.resource.name}-v{version}.csv"'
    return Response(body, media_type=None, headers={"Content-Type": kind, **headers})


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _mark(asked: use.Reading, *parts: str) -> str:
    """Ties a page mark to one view, version, filter and order: under another it would skip rows."""
    release = asked.release.version if asked.release else 0
    return hashlib.sha256("\0".join([asked.view.digest(), str(release), *parts]).encode()).hexdigest()[:16]


def _opened(settings: Settings, after: str, mark: str) -> list[Any]:
    told = signing.opened(settings, after)
    if not isinstance(told, list) or not told or told[0] != mark:
        raise signing.SealBroken
    return told[1:]
