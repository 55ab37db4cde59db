"""A form whose act is long: its page follows the job, or shows what came of it where that took only a moment."""

from __future__ import annotations

from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from starlette.responses import Response

from api.portal.shell.page import Page
from hub import jobs
from hub.hub import Hub
from hub.jobs import DONE, JobState

PATIENCE = 1.5
"""Seconds that a form waits for its job: most are done by then, and the reader sees what came of it at once."""


def follow(hub: Hub, page: Page, act: str, given: BaseModel) -> Response:
    """Ask for a long act; then its result's page, or the job's own."""
    job = jobs.wait(hub, jobs.submit(hub, page.subject, act, given).id, PATIENCE)
    return RedirectResponse(result_address(job) if job.state == DONE else f"/jobs/{job.id}", 303)


def result_address(job: JobState) -> str:
    """The page that shows what came of a job; its own where there is no other."""
    result = job.result or {}
    if "batch" in result:
        return f"/batches/{result['batch']}"
    if "resource" in result:
        return f"/resources/{result['resource']}" + ("/versions" if job.act == "release" else "")
    return f"/jobs/{job.id}"
