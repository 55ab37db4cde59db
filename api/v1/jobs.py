"""Long acts at the API: asked for by their own route (202), looked at here, followed as server-sent events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.http import errors
from api.http.dependencies import HubDep, KeyHolder
from api.http.language import language_of
from hub import jobs
from hub.acts import Act
from hub.hub import Hub
from hub.jobs import JobState

router = APIRouter(prefix="/jobs", tags=["jobs"])
LONGEST_WAIT = 10
"""Seconds that a request waits for a job at most; it holds a place meanwhile."""
LOOK_SECONDS = 0.5
LONGEST_STREAM = 3600.0
Prefer = Annotated[
    str,
    Header(
        max_length=200, description=f"`wait=SECONDS` (RFC 7240, at most {LONGEST_WAIT}): answered 200 if it is done by then."
    ),
]


class JobList(BaseModel):
    """Jobs, newest first; `next`: where the list goes on (`after`), null at its end."""

    items: list[JobState]
    next: str | None


def answers(act: Act) -> dict[int | str, dict[str, Any]]:
    """What the route of a long act may answer: the job, or, waited for, what came of it."""
    return {
        202: {"model": JobState, "description": "Asked for; its state is at the address in Location."},
        200: {"model": act.gives, "description": "Waited for (Prefer: wait=SECONDS), and done."},
    }


def answer(request: Request, hub: Hub, job: BaseModel, prefer: str) -> Response:
    """A job as its route's answer: waited for as long as the caller prefers, then its result or problem, else its address."""
    assert isinstance(job, JobState)  # noqa: S101 - long acts give nothing else
    address = f"{request.scope.get('root_path', '')}/api/v1/jobs/{job.id}"
    wanted = re.search(r"\bwait=(\d{1,6})\b", prefer)
    current = jobs.wait(hub, job.id, min(int(wanted[1]), LONGEST_WAIT) if wanted else 0)
    headers = {"Location": address} | ({"Preference-Applied": f"wait={wanted[1]}"} if wanted else {})
    if wanted and current.state == jobs.DONE and current.result is not None:
        return JSONResponse(current.result, 200, headers)
    if wanted and current.problem is not None:
        return failed(request, current.problem)
    return JSONResponse(current.model_dump(mode="json"), 202, headers)


def failed(request: Request, problem: dict[str, Any]) -> Response:
    """What a job failed of, as the route itself would have said it."""
    status, kind = errors.status_of_classes(problem["classes"])
    members = {name: value for name, value in problem.items() if name not in ("classes", "message", "message_en")}
    words = problem["message" if language_of(request) == "zh" else "message_en"]
    return errors.problem(request, status, kind, words, **members)


@router.get("", summary="My jobs")
def listed(
    hub: HubDep,
    subject: KeyHolder,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobList:
    """Long acts that were asked for, newest first; administrators see everybody's."""
    items = list(jobs.listed(hub, subject, after=after, limit=limit))
    return JobList(items=items, next=items[-1].id if len(items) == limit else None)


def job_of(hub: HubDep, subject: KeyHolder, job: str) -> JobState:
    """The job of the address, for those who may see it."""
    return jobs.seen(hub, subject, job)


JobDep = Annotated[JobState, Depends(job_of)]


@router.get("/{job}", summary="A job")
def get(job: JobDep) -> JobState:
    """How far it is, and what came of it."""
    return job


@router.get("/{job}/events", summary="Follow a job", response_class=EventSourceResponse, responses={404: {}})
async def events(hub: HubDep, job: JobDep) -> AsyncIterator[ServerSentEvent]:
    """Every change as a server-sent event: `progress` with the job, and `over` at its end, after which nothing comes."""
    current, last = job, None
    end = asyncio.get_running_loop().time() + LONGEST_STREAM
    while asyncio.get_running_loop().time() < end:
        if current != last:
            yield ServerSentEvent(data=current.model_dump(mode="json"), event="over" if current.over else "progress")
        if current.over:
            return
        last = current
        await asyncio.sleep(LOOK_SECONDS)
        current = await run_in_threadpool(jobs.state, hub, job.id)
