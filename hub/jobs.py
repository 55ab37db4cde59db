"""Long acts as jobs: asked for, done in a process of their own, looked at while they run, cancelled, not lost by a restart.

Where a server runs (`hub.job_runner.start`), a job is queued and done there; where none does (the command line, Dagster, tests)
it is done where it is asked for.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog import access
from catalog.audit.chain import AuditRecord
from catalog.identity import people
from catalog.identity.people import Subject
from catalog.store import jobs
from catalog.store.jobs import CANCELLED, DONE, FAILED, OPEN, RUNNING, Job
from contracts import progress
from contracts.clock import now
from contracts.errors import HubError
from hub.acts import act, doing, require_beforehand
from hub.hub import Hub
from hub.named import named

LOOK_SECONDS = 0.2
NOTE_SECONDS = 0.5
"""How often the rows of one step are noted at most."""
UNCLAIMED = timedelta(hours=1)
"""Age of a folder from which it is no longer that of a job that is just being asked for."""
OWN, ADMINISTER = "own-account", "administer"
log = logging.getLogger("hui.jobs")
_runners: dict[Path, Callable[[], None]] = {}
"""What wakes the runner of each HUB_HOME that has one in this process."""


class UnknownJob(HubError):
    """No job of that number, or another's."""

    def __init__(self, job: str) -> None:
        super().__init__(f"没有任务 {job}。", f"There is no job {job}.")


class JobOver(HubError):
    """A job that is at its end already."""

    def __init__(self, job: Job) -> None:
        super().__init__(
            f"任务 {job.id} 已结束（{job.state}），不能取消。", f"Job {job.id} is {job.state} and cannot be cancelled."
        )


class AccessEnded(HubError):
    """Who asked for it may not enter any more."""

    def __init__(self) -> None:
        super().__init__(
            "申请人的账户或密钥已失效，任务未执行。", "The account or key of who asked for it has ended; nothing was done."
        )


class ProcessEnded(HubError):
    """The process that did it ended, again and again."""

    def __init__(self) -> None:
        super().__init__(
            "执行进程一再中途退出（内存不足？），任务已停止；请运行 hub doctor 查看原因，再重新提交。",
            "The process of this job ended again and again (out of memory?); see `hub doctor`, then ask for it anew.",
        )


class CancelJob(BaseModel):
    """A job to be ended."""

    job: str = Field(max_length=40, pattern=r"^[0-9a-f]+$", description="Its number.", examples=["5f0c9a2e71b34c5f"])


class JobState(BaseModel):
    """A long act that was asked for. `result`: what the act gives, once it is done; `problem`: why it failed."""

    id: str
    act: str
    state: str = Field(description="queued, running, done, failed or cancelled")
    step: str = Field(description="receiving, checking, loading or comparing, while it runs")
    rows: int | None = Field(description="Rows of this step, where they are known.")
    about: str = Field(description="What it is about, as the audit names it.")
    caller: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None

    @property
    def over(self) -> bool:
        """Whether it is at its end."""
        return self.state not in OPEN


def submit(hub: Hub, subject: Subject, name: str, given: BaseModel) -> JobState:
    """Ask for a long act. Who may not is refused at once; a file that it takes is moved to the job's own folder."""
    require_beforehand(hub, subject, name, given)
    wake = _runners.get(hub.settings.root)
    job = Job(act=name, caller=subject.login, subject=_stored(subject), payload={}, object=_about(given))
    if wake is None:  # it is never in the queue: another server's runner would begin it, too
        job.state, job.runner, job.attempts, job.started_at = RUNNING, "here", 1, now()
    try:
        with hub.session() as session:
            jobs.add(session, job)
            number = job.id
            job.payload = _with_files(given, folder(hub, number)).model_dump(mode="json")
            session.add(job)
    except BaseException:
        shutil.rmtree(folder(hub, job.id), ignore_errors=True)
        raise
    if wake is None:
        perform(hub, number)
    else:
        wake()
    return state(hub, number)


def perform(hub: Hub, number: str) -> None:
    """Do a job that was claimed, and write what came of it. Rights are decided now, not when it was asked for."""
    with hub.session() as session:
        job = session.get_one(Job, number)
        session.expunge(job)
        subject = people.again(session, _subject(job.subject))
        earlier = _record(session, job) if job.attempts > 1 else None
    if earlier is not None:  # the process died between the act's end and the job's
        _finish(hub, number, DONE)
        return
    try:
        if subject is None:
            raise AccessEnded
        with progress.listening(_notes(hub, number)):
            one = named(job.act)
            result = one.does(replace(hub, job=number, where={"job": number}), subject, one.takes.model_validate(job.payload))
    except HubError as error:
        _finish(hub, number, FAILED, problem=_problem(error))
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("job %s failed; reference %s", number, reference)
        _finish(hub, number, FAILED, problem=_internal(reference))
    else:
        _finish(hub, number, DONE, result=result.model_dump(mode="json"))


def cancelled(hub: Hub, number: str) -> None:
    """Tidy up after a job whose process was ended because somebody asked for it. What was done by then stays done."""
    with hub.session() as session:
        job = session.get_one(Job, number)
        session.expunge(job)
        subject, done = people.again(session, _subject(job.subject)), _record(session, job)
    withdraws = named(job.act).withdraws
    if done is None and withdraws is not None:
        withdraws(hub, subject or _subject(job.subject), number)
    _finish(hub, number, CANCELLED if done is None else DONE)


def state(hub: Hub, number: str) -> JobState:
    """A job as it stands."""
    with hub.session() as session:
        return _state(session.get_one(Job, number))


def seen(hub: Hub, subject: Subject, number: str) -> JobState:
    """A job as it stands, for who asked for it and for administrators. Errors: UnknownJob."""
    with hub.session() as session:
        return _state(_known(session, subject, number))


def listed(hub: Hub, subject: Subject, *, after: str = "", limit: int = 50) -> Sequence[JobState]:
    """One's own jobs, newest first, those that follow the job `after`; administrators see everybody's."""
    with hub.session() as session:
        caller = "" if access.may(session, subject, ADMINISTER) else subject.login
        return [_state(one) for one in jobs.listed(session, caller=caller, after=after, limit=limit)]


def wait(hub: Hub, number: str, seconds: float) -> JobState:
    """A job once it is over, or as it stands after so many seconds."""
    end = time.monotonic() + seconds
    current = state(hub, number)
    while not current.over and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        current = state(hub, number)
    return current


@act(
    "job.cancel",
    policy=ADMINISTER,
    zh="取消任务",
    en="cancel a job",
    api="POST /jobs/{job}/cancel",
    cli="jobs cancel",
    portal="/jobs/{job}",
)
def cancel(hub: Hub, subject: Subject, given: CancelJob) -> JobState:
    """End a job: one that waits is not begun, one that runs is stopped within seconds. Everybody may their own."""
    with hub.session() as session:
        everybodys = access.may(session, subject, ADMINISTER)
    with doing(hub, subject, "job.cancel", policy=ADMINISTER if everybodys else OWN) as deed:
        job = _known(deed.session, subject, given.job)
        if job.state not in OPEN:
            raise JobOver(job)
        deed.object, deed.detail = f"job:{job.id}", {"act": job.act, "was": job.state, "about": job.object}
        jobs.cancel(deed.session, job.id, subject.login)
    return state(hub, given.job)


def folder(hub: Hub, number: str) -> Path:
    """Where a job's files lie until it is over."""
    return hub.settings.root / "jobs" / number


def sweep(hub: Hub, older: timedelta = UNCLAIMED) -> list[str]:
    """Remove folders of files that no open job has any more: its commit failed, or its server died at its end."""
    if not (hub.settings.root / "jobs").is_dir():
        return []
    before = now().timestamp() - older.total_seconds()
    old = [place for place in (hub.settings.root / "jobs").iterdir() if place.is_dir() and place.stat().st_mtime < before]
    with hub.session() as session:
        wanted = jobs.open_among(session, [place.name for place in old])
    left = [place for place in old if place.name not in wanted]
    for place in left:
        shutil.rmtree(place, ignore_errors=True)
    return [place.name for place in left]


def begun_again(hub: Hub) -> bool:
    """Whether this hub works for a job whose process died at it before."""
    if not hub.job:
        return False
    with hub.session() as session:
        return session.get_one(Job, hub.job).attempts > 1


def runs_here(root: Path, wake: Callable[[], None] | None) -> None:
    """Jobs of that HUB_HOME are done by a runner of this process, which `wake` tells of a new one; None: no longer."""
    if wake is None:
        _runners.pop(root, None)
    else:
        _runners[root] = wake


def died(hub: Hub, number: str, *, blameless: bool = False) -> None:
    """A job's process ended under it: it is begun again, but not for ever (`blameless`: its server was stopped)."""
    with hub.session() as session:
        again = jobs.put_back(session, number, blameless=blameless)
    if not again:
        _finish(hub, number, FAILED, problem=_problem(ProcessEnded()))


def _known(session: Session, subject: Subject, number: str) -> Job:
    job = session.get(Job, number)
    own = job is not None and job.caller == subject.login
    if job is None or not (own or access.may(session, subject, ADMINISTER)):
        raise UnknownJob(number)
    return job


def _state(job: Job) -> JobState:
    names = set(JobState.model_fields) - {"about"}
    return JobState(about=job.object, **{name: getattr(job, name) for name in names})


def _finish(hub: Hub, number: str, how: str, **came: Any) -> None:
    with hub.session() as session:
        job = session.get_one(Job, number)
        record = _record(session, job)
        jobs.finish(session, number, how, object=record.object if record is not None else "", **came)
    shutil.rmtree(folder(hub, number), ignore_errors=True)


def _record(session: Session, job: Job) -> AuditRecord | None:
    """The record that the act left, if it was done."""
    began = AuditRecord.at >= job.created_at
    query = select(AuditRecord).where(AuditRecord.action == job.act, AuditRecord.outcome == "done", began)
    records = session.exec(query.order_by(col(AuditRecord.sequence).desc()))
    return next((record for record in records if record.detail.get("job") == job.id), None)


def _notes(hub: Hub, number: str) -> progress.Listener:
    """Writes steps into the job, and the rows of one step not too often."""
    last: dict[str, float] = {}

    def note(step: str, rows: int | None) -> None:
        moment = time.monotonic()
        if moment - last.get(step, -NOTE_SECONDS) >= NOTE_SECONDS:
            last[step] = moment
            with hub.session() as session:
                jobs.reached(session, number, step, rows)

    return note


def _with_files(given: BaseModel, place: Path) -> BaseModel:
    """The input with its files moved to where they outlive the request."""
    files = {name: value for name, value in given if isinstance(value, Path)}
    moved = {}
    for name, path in files.items():
        place.mkdir(parents=True, exist_ok=True)
        moved[name] = place / path.name
        shutil.move(path, moved[name])
    return given.model_copy(update=moved)


def _about(given: BaseModel) -> str:
    for name in ("batch", "onboarding"):
        if number := getattr(given, name, ""):
            return f"{name}:{number}"
    return str(getattr(given, "resource", "") or "hub")


def _problem(error: HubError) -> dict[str, Any]:
    """An error as it is kept: its classes, so that a door can give it its own status, and its words."""
    classes = [f"{one.__module__}.{one.__qualname__}" for one in type(error).__mro__ if issubclass(one, HubError)]
    more = {"policies": list(error.decision.policies)} if isinstance(error, access.Refused) else {}
    return {"classes": classes, "message": error.message, "message_en": error.message_en, **more}


def _internal(reference: str) -> dict[str, Any]:
    message, english = f"平台内部错误，参考号 {reference}。", f"The hub failed; reference {reference}."
    return {"classes": [], "message": message, "message_en": english, "reference": reference}


def _stored(subject: Subject) -> dict[str, Any]:
    return asdict(subject) | {"roles": sorted(subject.roles), "csrf": ""}


def _subject(stored: Mapping[str, Any]) -> Subject:
    return Subject(**{**stored, "roles": frozenset(stored["roles"])})
