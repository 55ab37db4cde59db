"""Rows of a dataset, under the caller's view: filter, select, order, pages by key."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.http import conditional, signing
from api.http.dependencies import PurposeHeader, purpose_in, settings_of
from api.http.uses import Asking, used
from api.v1 import representations
from catalog.access.use import CURRENT, Reading
from contracts.errors import HubError
from warehouse.serving import pages
from warehouse.serving.pages import Page
from warehouse.settings import Settings

router = APIRouter(tags=["rows"])
ACTION = "read-rows"
MOST = 10_000
"""Rows of one page."""
EXAMPLE = {
    "version": 3,
    "next": "gAAAAABl…",
    "rows": [{"credit_code": "91230803MA1ABCDE0X", "name": "示例制造有限公司", "division": "230803", "capital": 128.5}],
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows. NDJSON, CSV, Arrow and Parquet tell the next page's mark in the header `X-Next`.",
        "content": {
            "application/json": {"example": EXAMPLE},
            **{name: {} for name in representations.FORMS if name != "application/json"},
        },
    },
    304: {"description": "What you have by that `ETag` still holds (If-None-Match)"},
    403: {"description": "Refused; names the policies"},
    406: {"description": "No form that the caller accepts"},
}


class NoKey(HubError):
    """Rows cannot be named by key."""


VERSION = re.compile(r"([0-9]{1,9}|current)?")
SelectQ = Annotated[str, Query(description="Items, comma-separated; empty: all you may see", examples=["credit_code,name"])]
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
    Query(pattern=f"^{VERSION.pattern}$", description="A number; `current`: the unreleased table; empty: the newest version"),
]
FormatQ = Annotated[str, Query(description="json, ndjson, csv, arrow or parquet, in the place of Accept")]
BomQ = Annotated[bool, Query(description="CSV begins with a byte order mark, for spreadsheets")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What rows of a resource are asked for, and in which form."""

    name: str
    form: str
    key: str | None = None
    """Of one row; several values are joined by commas."""
    version: str = ""
    purpose: str = ""
    select: str = ""
    where: str = ""
    order: str = ""
    after: str = ""
    limit: int = 1000
    bom: bool = False

    def read(self, settings: Settings, reading: Reading) -> tuple[Page, dict[str, Any]]:
        """The rows under a decided use, and what its record tells besides."""
        if self.key is not None:
            found = self._row(settings, reading)
            return found, {"rows": found.count, "key": True}
        found = pages.page(
            settings,
            reading.contract,
            reading.view,
            choose=_names(self.select),
            where=self.where,
            order=_names(self.order),
            after=_opened(settings, self.after, self._mark(reading)) if self.after else None,
            limit=self.limit,
            snapshot=reading.snapshot,
        )
        return found, {"rows": found.count, "filter": self.where, "select": self.select}

    def _row(self, settings: Settings, reading: Reading) -> Page:
        items = reading.contract.key
        values = str(self.key).split(",") if len(items) > 1 else [str(self.key)]
        if not items or len(values) != len(items) or not set(items) <= set(reading.view.items):
            raise NoKey(
                f"此资源不能按主键读取（主键：{'、'.join(items) or '无'}）。",
                f"Rows of this resource cannot be read by key (key: {', '.join(items) or 'none'}).",
            )
        return pages.page(
            settings,
            reading.contract,
            reading.view,
            choose=_names(self.select),
            equals=dict(zip(items, values, strict=True)),
            limit=100,
            snapshot=reading.snapshot,
        )

    def answer(self, settings: Settings, page: Page, reading: Reading) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of an answer."""
        version = reading.release.version if reading.release else CURRENT
        following = None
        if page.after is not None and self.key is None:
            following = signing.seal(settings, [self._mark(reading), *page.after])
        body = representations.encoded(self.form, page, after=following, version=version, bom=self.bom)
        kind = f"{self.form}; charset=utf-8" if self.form.startswith("text/") or "json" in self.form else self.form
        headers = {"Content-Type": kind, "X-Version": str(version)}
        if following:
            headers["X-Next"] = following
        if self.form == "text/csv":
            headers["Content-Disposition"] = f'attachment; filename="{reading.resource.name}-v{version}.csv"'
        return body, headers

    def tag(self, reading: Reading) -> str:
        """The entity tag of the answer: a version's rows under one view stay. Of the table as it is now there is none."""
        if reading.release is None:
            return ""
        asked = (self.name, self.form, self.key, self.select, self.after, self.limit, self.bom)
        return conditional.tag(self._mark(reading), str(reading.release.snapshot), repr(asked))

    def _mark(self, reading: Reading) -> str:
        """Ties a page mark to one view, version, filter and order: under another it would skip rows."""
        release = reading.release.version if reading.release else 0
        parts = [reading.view.digest(), str(release), self.where, self.order]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@router.get("/resources/{name}/rows", summary="Rows", responses=ANSWERS, response_class=Response)
def rows(
    name: str,
    request: Request,
    x_purpose: PurposeHeader = "",
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
    form, purpose = representations.chosen(request, format), purpose_in(x_purpose)
    return answered(request, Asked(name, form, None, version, purpose, select, filter, order, after, limit, bom))


@router.get("/resources/{name}/rows/{key}", summary="One row by its key", responses=ANSWERS, response_class=Response)
def row(
    name: str,
    key: str,
    request: Request,
    x_purpose: PurposeHeader = "",
    select: SelectQ = "",
    version: VersionQ = "",
    format: FormatQ = "",
) -> Response:
    """The row of that primary key; several key values are joined by commas. An empty list: no such row for you."""
    form, purpose = representations.chosen(request, format), purpose_in(x_purpose)
    return answered(request, Asked(name, form, key, version, purpose, select))


def answered(request: Request, asked: Asked) -> Response:
    """The answer to who asks for rows, on record."""
    settings = settings_of(request)

    def read(reading: Reading) -> tuple[Page | None, dict[str, Any]]:
        if conditional.has(request, asked.tag(reading)):
            return None, {"rows": 0, "unchanged": True}
        return asked.read(settings, reading)

    done = used(request, Asking(asked.name, ACTION, asked.version, asked.purpose), read)
    told = {"Vary": "Accept, Accept-Encoding, Authorization"}
    if current := asked.tag(done.use.reading):
        told |= {"ETag": current, "Cache-Control": conditional.REVALIDATED}
    if done.result is None:
        return done.answer(status_code=304, headers=told)
    body, headers = asked.answer(settings, done.result, done.use.reading)
    return conditional.packed(request, done.answer(body, headers=headers | told))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _opened(settings: Settings, after: str, mark: str) -> list[Any]:
    told = signing.opened(settings, after)
    if not isinstance(told, list) or not told or told[0] != mark:
        raise signing.SealBroken
    return told[1:]
