"""任务: long acts that the reader asked for, how far each is, what came of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.background import asked_from, result_address
from api.portal.shell.guards import AnyPage, SignInFirst, require_csrf
from api.portal.shell.page import Page, render
from contracts.progress import STEPS
from hub import jobs
from hub.acts import given
from hub.jobs import CancelJob, JobState
from hub.table import ACTS

router = APIRouter(prefix="/jobs", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def listed(page: AnyPage, hub: HubDep) -> HTMLResponse:
    """The reader's jobs, newest first; administrators see everybody's."""
    _require_known(page)
    return render(page, "pages/jobs.html", jobs=jobs.listed(hub, page.subject), acts=ACTS, steps=STEPS)


@router.get("/{number}", response_class=HTMLResponse)
def one(page: AnyPage, hub: HubDep, number: str, follow: str = "") -> Response:
    """One job; the page comes again by itself while it runs. `follow`: come to from its form, it leads to its result."""
    _require_known(page)
    job = jobs.seen(hub, page.subject, number)
    result = result_address(job)
    if follow and job.state == jobs.DONE and not result.startswith("/jobs/"):
        return RedirectResponse(result, 303)
    return _page(page, job)


@router.post("/{number}/cancel")
def cancel(page: AnyPage, hub: HubDep, session: SessionDep, number: str, csrf: Annotated[str, Form()] = "") -> Response:
    """End a job that waits or runs."""
    require_csrf(page, csrf)
    session.rollback()  # the act has a transaction of its own
    jobs.cancel(hub, page.subject, given(CancelJob, job=number))
    return RedirectResponse(f"/jobs/{number}", 303)


def _page(page: Page, job: JobState) -> HTMLResponse:
    result, origin = result_address(job), asked_from(job)
    answer = render(page, "pages/job.html", job=job, act=ACTS[job.act], steps=STEPS, result=result, origin=origin)
    if not job.over:
        answer.headers["Refresh"] = "2"
    return answer


def _require_known(page: Page) -> None:
    if not page.known:
        raise SignInFirst(page.request.url.path)
