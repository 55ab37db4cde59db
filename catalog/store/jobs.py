"""Long acts that were asked for: who wants what, how far it is, what came of it. Kept, so that a restart loses none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, update
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime, new_id
from contracts.clock import now

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
OPEN = (QUEUED, RUNNING)
LONGEST_SILENCE = timedelta(seconds=30)
"""A runner that was not heard of for so long is gone, and its job is anybody's."""
ATTEMPTS = 3
"""A job whose process died so often is not begun again: it would take the next process with it, too."""
KEPT = timedelta(days=90)


class Job(SQLModel, table=True):
    """One long act that somebody asked for."""

    id: str = Field(primary_key=True, default_factory=new_id)
    act: str
    caller: str = Field(index=True, description="login of who asked")
    subject: dict[str, Any] = Field(sa_type=Json, description="who asked, and by which door; rights are read when it begins")
    payload: dict[str, Any] = Field(sa_type=Json, description="the act's input")
    state: str = Field(default=QUEUED, index=True, description="queued, running, done, failed or cancelled")
    step: str = ""
    rows: int | None = None
    object: str = Field(default="", description="What it is about, as the audit names it.")
    attempts: int = 0
    runner: str = Field(default="", description="host:process that works on it")
    cancelled_by: str = Field(default="", description="login of who wants it ended")
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    problem: dict[str, Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    heard_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="last sign of life of its runner")
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def add(session: Session, job: Job) -> Job:
    """Queue a job; those that ended long ago are forgotten."""
    session.connection().execute(delete(Job).where(col(Job.finished_at) < now() - KEPT))
    session.add(job)
    session.flush()
    return job


def listed(session: Session, *, caller: str = "", after: str = "", limit: int = 50) -> Sequence[Job]:
    """Jobs, newest first: everybody's, or one caller's; those that follow the job `after`."""
    query = select(Job).order_by(col(Job.created_at).desc(), col(Job.id))
    if caller:
        query = query.where(Job.caller == caller)
    last = session.get(Job, after) if after else None
    if last is not None:
        same_moment = (col(Job.created_at) == last.created_at) & (col(Job.id) > last.id)
        query = query.where(or_(col(Job.created_at) < last.created_at, same_moment))
    return session.exec(query.limit(limit)).all()


def open_among(session: Session, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers whose job is not at its end."""
    return set(session.exec(select(Job.id).where(col(Job.id).in_(numbers), col(Job.state).in_(OPEN))))


def claim(session: Session, runner: str, lost_servers: Sequence[str] = ()) -> Job | None:
    """Take the oldest job that waits, or whose runner is gone (`gone`: known to be); None where there is none.

    Two runners never get the same one: each takes it by an update that names the state it saw.
    """
    for job in session.exec(select(Job).where(_claimable(lost_servers)).order_by(col(Job.created_at)).limit(5)).all():
        moment = now()
        taken = (
            update(Job)
            .where(col(Job.id) == job.id, col(Job.state) == job.state, col(Job.runner) == job.runner)
            .values(state=RUNNING, runner=runner, attempts=job.attempts + 1, started_at=moment, heard_at=moment)
        )
        if session.connection().execute(taken).rowcount == 1:
            session.refresh(job)
            return job
    return None


def put_back(session: Session, job_id: str, *, blameless: bool = False) -> bool:
    """Queue a job again whose process ended; False where that happened too often. `blameless`: its server was stopped."""
    job = session.get_one(Job, job_id)
    job.attempts -= blameless
    if job.attempts >= ATTEMPTS:
        return False
    job.state, job.runner, job.step = QUEUED, "", ""
    session.add(job)
    return True


def cancel(session: Session, job_id: str, by: str) -> None:
    """Somebody wants it ended: one that waits is, at once; one that runs is when its runner looks."""
    session.connection().execute(update(Job).where(col(Job.id) == job_id).values(cancelled_by=by))
    waits = update(Job).where(col(Job.id) == job_id, col(Job.state) == QUEUED)
    session.connection().execute(waits.values(state=CANCELLED, finished_at=now()))
    session.expire_all()


def runners(session: Session) -> Sequence[str]:
    """Runners that are said to be at work."""
    return session.exec(select(Job.runner).where(Job.state == RUNNING).distinct()).all()


def heard(session: Session, job_id: str, runner: str) -> bool:
    """Note a sign of life; False where somebody wants the job ended, or it is another runner's by now."""
    alive = update(Job).where(col(Job.id) == job_id, col(Job.runner) == runner).values(heard_at=now())
    mine = session.connection().execute(alive).rowcount == 1
    return mine and not session.exec(select(Job.cancelled_by).where(Job.id == job_id)).one()


def reached(session: Session, job_id: str, step: str, rows: int | None) -> None:
    """Note how far it is."""
    values = {"step": step, "heard_at": now()} | ({} if rows is None else {"rows": rows})
    session.connection().execute(update(Job).where(col(Job.id) == job_id).values(**values))


def finish(
    session: Session,
    job_id: str,
    state: str,
    *,
    result: dict[str, Any] | None = None,
    problem: dict[str, Any] | None = None,
    object: str = "",
) -> None:
    """Write what came of it, once: a job that ended stays as it ended."""
    values: dict[str, Any] = {"state": state, "result": result, "problem": problem, "finished_at": now(), "step": ""}
    ending = update(Job).where(col(Job.id) == job_id, col(Job.state).in_(OPEN))
    session.connection().execute(ending.values(**values, **({"object": object} if object else {})))


def _claimable(lost_servers: Sequence[str]) -> ColumnElement[bool]:
    silent = (col(Job.state) == RUNNING) & (or_(col(Job.heard_at) < now() - LONGEST_SILENCE, col(Job.runner).in_(lost_servers)))
    return or_(col(Job.state) == QUEUED, silent)
