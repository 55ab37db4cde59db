"""A form that brings one file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import UploadFile

from api.portal.shell.page import Page


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a form with a file brought."""

    csrf: str
    file: UploadFile | None


@asynccontextmanager
async def form_of(page: Page) -> AsyncIterator[HandedIn]:
    """The form, read only once `page` knows who sends it: declared as a parameter it would be read before."""
    async with page.request.form(max_files=1, max_fields=4) as form:
        csrf, file = form.get("csrf"), form.get("file")
        yield HandedIn(csrf if isinstance(csrf, str) else "", file if isinstance(file, UploadFile) else None)
