"""A form whose act is long: its page follows the job, or shows what came of it where that took only a moment."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from starlette.responses import Response

from api.portal.shell.page import Page
from contracts.errors import HubError
from hub import jobs
from hub.hub import Hub
from hub.jobs import DONE, JobState

Again = Callable[[HubError], Response]
PLACES = {"release": "/versions", "contract.activate": "/contract"}
"""Where on a resource's page the result of an act stands."""
PATIENCE = 1.5
"""Seconds that a form waits for its job: most are done by then, and the reader sees what came of it at once."""


def follow(hub: Hub, page: Page, act: str, given: BaseModel, again: Again | None = None) -> Response:
    """Ask for a long act; then its result's page, or the job's own. `again`: the form's page with what went wrong at once."""
    job = jobs.wait(hub, jobs.submit(hub, page.subject, act, given).id, PATIENCE)
    problem = job.problem or {}
    if again is not None and problem.get("classes") and "policies" not in problem:
        return again(HubError(problem["message"], problem["message_en"]))
    return RedirectResponse(result_address(job) if job.state == DONE else f"/jobs/{job.id}?follow=1", 303)


def asked_from(job: JobState) -> str:
    """The page where what a job is about stands, to be put right where it failed; empty where there is none."""
    kind, _, number = job.about.partition(":")
    return {"onboarding": f"/onboard/{number}", "batch": f"/batches/{number}"}.get(kind, "")


def result_address(job: JobState) -> str:
    """The page that shows what came of a job; its own where there is no other."""
    result = job.result or {}
    if "onboarding" in result:
        return f"/onboard/{result['onboarding']}"
    if "batch" in result:
        return f"/batches/{result['batch']}"
    if "resource" in result:
        return f"/resources/{result['resource']}" + PLACES.get(job.act, "")
    return f"/jobs/{job.id}"
