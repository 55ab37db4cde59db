"""Long acts as jobs: asked for, done in a process of their own, followed, cancelled, begun again after a crash."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from catalog.identity import people
from catalog.store import jobs as queue
from hub import job_runner, jobs
from tests.hub.examples import WAIT
from tests.hub.shelters import HEAD
from tests.sharing import Hub
from warehouse.ingest import underway
from warehouse.storage import connection
from warehouse.storage.connection import writer

ROWS = HEAD + "a,甲,1\nb,乙,2\nc,丙,x\n"
POINTS = ("receipt", "commit-after", "settle")


@pytest.fixture
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub with a runner, as a server has it."""
    job_runner.start(hub.settings)
    yield hub
    job_runner.stop(hub.settings)


def send(hub: Hub, who: str = "owner", text: str = ROWS, **headers: str) -> Any:
    path = "/api/v1/resources/shelter/deliveries?filename=a.csv"
    return hub.client.post(path, content=text.encode(), headers=hub.auth(who) | headers)


def until(hub: Hub, path: str, wanted: Callable[[dict[str, Any]], bool], who: str = "owner") -> dict[str, Any]:
    """The job once it is as wanted; the test's own timeout ends an endless wait."""
    while True:
        job: dict[str, Any] = hub.get(path, who).json()
        if wanted(job):
            return job
        time.sleep(0.1)


def over(job: dict[str, Any]) -> bool:
    return job["state"] not in ("queued", "running")


def records(hub: Hub, action: str = "deliver") -> list[AuditRecord]:
    with hub.session() as session:
        return list(session.exec(select(AuditRecord).where(AuditRecord.action == action)))


def batches(hub: Hub) -> list[tuple[str, int]]:
    with hub.session() as session:
        return [(one.state, one.accepted) for one in session.exec(select(Batch).order_by(Batch.id))]


class TestWhoMay:
    """A job is its caller's; who may not do the act never has one."""

    def test_who_may_not_is_refused_at_once(self, hub: Hub) -> None:
        answer = send(hub, "stranger")
        assert answer.status_code in (403, 404)
        assert hub.get("/api/v1/jobs", "stranger").json()["items"] == []

    def test_nobody_known_sees_none(self, hub: Hub) -> None:
        assert hub.get("/api/v1/jobs").status_code == 401

    def test_anothers_is_not_there(self, hub: Hub) -> None:
        address = send(hub).headers["location"]
        for path in (address, f"{address}/events"):
            assert hub.get(path, "steward").status_code == 404
        assert hub.client.post(f"{address}/cancel", headers=hub.auth("steward")).status_code == 404
        assert hub.get(address, "owner").json()["state"] == "done"

    def test_who_was_closed_meanwhile_gets_nothing_done(self, hub: Hub) -> None:
        jobs.runs_here(hub.settings.root, lambda: None)  # a runner that sleeps
        try:
            address = send(hub).headers["location"]
        finally:
            jobs.runs_here(hub.settings.root, None)
        with hub.session() as session:
            people.deactivate(session, people.get_person(session, "owner"))
        job_runner.start(hub.settings)
        try:
            number = address.rsplit("/", 1)[1]
            while not (state := jobs.state(_opened(hub), number)).over:
                time.sleep(0.1)
        finally:
            job_runner.stop(hub.settings)
        assert (state.state, state.problem["classes"][0]) == ("failed", "hub.jobs.AccessEnded")
        assert batches(hub) == []


def _opened(hub: Hub) -> Any:
    from hub.hub import open_hub

    return open_hub(hub.settings)


class TestServed:
    """With a server's runner."""

    def test_asked_for_followed_done(self, serving: Hub) -> None:
        answer = send(serving)
        assert answer.status_code == 202
        address = answer.headers["location"]
        with serving.client.stream("GET", f"{address}/events", headers=serving.auth("owner")) as stream:
            events = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event")]
        assert events[-1] == "over"
        job = serving.get(address, "owner").json()
        assert (job["state"], job["result"]["accepted"], job["result"]["quarantined"]) == ("done", 2, 1)
        assert job["about"] == f"batch:{job['result']['batch']}"
        assert [one["id"] for one in serving.get("/api/v1/jobs", "owner").json()["items"]] == [job["id"]]
        [record] = records(serving)
        assert record.detail["job"] == job["id"]
        assert not jobs.folder(_opened(serving), job["id"]).exists()

    def test_a_server_with_many_open_files_does_jobs(self, hub: Hub) -> None:
        """select() knows no number from 1,024 on, and a server holds one for each connection."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
        with ExitStack() as stack:
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            while stack.enter_context(open(os.devnull)).fileno() < 1100:
                pass
            job_runner.start(hub.settings)
            stack.callback(job_runner.stop, hub.settings)
            assert until(hub, send(hub).headers["location"], over)["state"] == "done"
        with hub.session() as session:
            assert [job.attempts for job in session.exec(select(queue.Job))] == [1]

    def test_what_goes_wrong_in_the_runner_ends_no_thread_of_it(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        whole, wrong = job_runner.Process.over, iter([OSError("once"), OSError("twice")])

        def over_at_last(process: job_runner.Process, seconds: float) -> bool:
            if (error := next(wrong, None)) is not None:
                raise error
            return whole(process, seconds)

        monkeypatch.setattr(job_runner.Process, "over", over_at_last)
        job_runner.start(hub.settings)
        try:
            assert until(hub, send(hub).headers["location"], over)["state"] == "done"
        finally:
            job_runner.stop(hub.settings)
        with hub.session() as session:
            assert [job.attempts for job in session.exec(select(queue.Job))] == [3]

    def test_waited_for_it_answers_its_result_or_its_problem(self, serving: Hub) -> None:
        answer = send(serving, **WAIT)
        while answer.status_code == 202:  # a busy machine
            until(serving, answer.headers["location"], over)
            answer = send(serving, **WAIT)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
        path = "/api/v1/resources/shelter/versions"
        headers = serving.auth("steward") | WAIT
        wrong = serving.client.post(path, json={}, headers=headers)
        if wrong.status_code != 202:
            assert (wrong.status_code, wrong.json()["type"]) == (409, "urn:hui:problem:entry-not-published")

    def test_one_key_is_one_job(self, serving: Hub) -> None:
        first, second = (send(serving, **{"Idempotency-Key": "k"}) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        other = send(serving, text=HEAD + "z,丁,4\n", **{"Idempotency-Key": "k"})
        assert other.status_code == 422
        until(serving, first.headers["location"], over)

    @pytest.mark.parametrize("point", POINTS)
    def test_a_crash_loses_and_doubles_nothing(self, hub: Hub, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The process dies by SIGKILL at a point of the load; the job is begun again and finds what it did."""
        monkeypatch.setenv("HUB_CRASH_AT", point)
        died = jobs.died

        def healed(*given: Any, **options: Any) -> None:
            os.environ.pop("HUB_CRASH_AT", None)
            died(*given, **options)

        monkeypatch.setattr(jobs, "died", healed)
        job_runner.start(hub.settings)
        try:
            job = until(hub, send(hub).headers["location"], over)
        finally:
            job_runner.stop(hub.settings)
        assert "HUB_CRASH_AT" not in os.environ, "it did not die"
        assert job["state"] == "done", job
        assert batches(hub) == [("partial", 2)]
        with connection.reader(hub.settings) as lake:
            assert lake.execute("SELECT count(*) FROM lake.resource.shelter").fetchone() == (2,)
        assert len(records(hub)) == 1

    def test_what_kills_every_process_is_given_up(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_CRASH_AT", "receipt")
        job_runner.start(hub.settings)
        try:
            answer = hub.client.post(
                "/api/v1/resources/shelter/deliveries?filename=a.csv", content=ROWS.encode(), headers=hub.auth("owner")
            )
            monkeypatch.setenv("HUB_CRASH_AT", "check")
            job = until(hub, answer.headers["location"], over)
        finally:
            job_runner.stop(hub.settings)
        assert (job["state"], job["problem"]["classes"][0]) == ("failed", "hub.jobs.ProcessEnded")

    def test_a_running_one_is_cancelled(self, serving: Hub) -> None:
        """Its batch waits for the writer; cancelled, it is put aside."""
        with writer(serving.settings, purpose="test"):
            address = send(serving).headers["location"]
            while not batches(serving):
                time.sleep(0.05)
            assert serving.client.post(f"{address}/cancel", headers=serving.auth("owner")).status_code == 200
            with serving.session() as session:
                sha256 = session.exec(select(Batch.sha256)).one()
            while underway.held(serving.settings, "shelter", sha256):
                time.sleep(0.05)
        job = until(serving, address, over)
        assert job["state"] == "cancelled"
        assert batches(serving) == [("discarded", 0)]
        assert [one.object for one in records(serving, "job.cancel")] == [f"job:{job['id']}"]
        again = serving.client.post(f"{address}/cancel", headers=serving.auth("owner"))
        assert (again.status_code, again.json()["type"]) == (409, "urn:hui:problem:job-over")


def test_one_that_waits_is_cancelled_at_once(hub: Hub) -> None:
    jobs.runs_here(hub.settings.root, lambda: None)
    try:
        address = send(hub).headers["location"]
        assert hub.client.post(f"{address}/cancel", headers=hub.auth("owner")).json()["state"] == "cancelled"
    finally:
        jobs.runs_here(hub.settings.root, None)
    assert batches(hub) == []


def test_what_a_dead_server_left_is_done_by_the_next(hub: Hub) -> None:
    jobs.runs_here(hub.settings.root, lambda: None)
    try:
        address = send(hub).headers["location"]
    finally:
        jobs.runs_here(hub.settings.root, None)
    with hub.session() as session:
        queue.claim(session, f"{os.uname().nodename}:4194305:dead")  # no process has so high a number
    job_runner.start(hub.settings)
    try:
        job = until(hub, address, over)
    finally:
        job_runner.stop(hub.settings)
    assert job["state"] == "done"
    assert batches(hub) == [("partial", 2)]


def test_folders_that_no_open_job_has_are_swept(hub: Hub) -> None:
    """A commit that failed, a server that died at a job's end: their files do not stay; those of a job that waits do."""
    with hub.session() as session:
        waits = queue.add(session, queue.Job(act="deliver", caller="owner", subject={}, payload={})).id
    for number in (waits, "gone", "young"):
        jobs.folder(hub, number).mkdir(parents=True)
        (jobs.folder(hub, number) / "body.csv").write_text("a")
    for number in (waits, "gone"):
        os.utime(jobs.folder(hub, number), (1, 1))
    assert jobs.sweep(hub) == ["gone"]
    assert sorted(place.name for place in (hub.settings.root / "jobs").iterdir()) == sorted((waits, "young"))


def test_a_job_whose_commit_fails_leaves_no_folder(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("hub.jobs.shutil.move", broken)
    assert send(hub).status_code == 500
    assert not list((hub.settings.root / "jobs").glob("*"))


def test_the_list_goes_on_where_it_ended(hub: Hub) -> None:
    with hub.session() as session:
        numbers = {queue.add(session, queue.Job(act="release", caller="owner", subject={}, payload={})).id for _ in range(5)}
    seen, after = [], ""
    while after is not None:
        page = hub.get(f"/api/v1/jobs?limit=2&after={after}", "owner").json()
        seen += [one["id"] for one in page["items"]]
        after = page["next"]
    assert (len(seen), set(seen)) == (5, numbers)


def test_two_runners_never_get_the_same_one(hub: Hub) -> None:
    with hub.session() as session:
        queue.add(session, queue.Job(act="release", caller="x", subject={}, payload={}))
    with hub.session() as session:
        assert queue.claim(session, "one") is not None
    with hub.session() as session:
        assert queue.claim(session, "two") is None


def test_events_are_json(hub: Hub) -> None:
    address = send(hub).headers["location"]
    with hub.client.stream("GET", f"{address}/events", headers=hub.auth("owner")) as stream:
        data = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data")]
    assert json.loads(data[-1])["state"] == "done"
