"""Readers cannot stop the server: a query runs in a worker, and whatever happens to it happens to that worker alone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.warehouse.serving import in_workers
from warehouse.serving import query_workers
from warehouse.serving.query_workers import LakeBusy, QueryEnded, QueryTooLarge, Workers
from warehouse.serving.sandbox import QueryTooSlow
from warehouse.settings import Settings


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(home=tmp_path / "var", readers=1, reader_queue=1, reader_wait=60, _env_file=None)
    query_workers.start(settings)
    yield settings
    query_workers.stop(settings)


def test_without_workers_a_query_runs_where_it_is_called(settings: Settings) -> None:
    assert in_workers.process_of(settings) == os.getpid()
    with pytest.raises(QueryTooLarge):
        in_workers.out_of_memory(settings)


def test_a_worker_answers_and_is_used_again(served: Settings) -> None:
    first = in_workers.process_of(served)
    assert first != os.getpid()
    assert in_workers.process_of(served) == first


def test_an_abort_ends_one_worker_and_the_next_query_has_another(served: Settings) -> None:
    before = in_workers.process_of(served)
    with pytest.raises(QueryEnded):
        in_workers.abort(served)
    assert in_workers.process_of(served) not in (before, os.getpid())


def test_a_worker_killed_between_two_queries_is_replaced_without_an_error(served: Settings) -> None:
    before = in_workers.process_of(served)
    worker = query_workers._serving[served.root]._idle[0]
    os.kill(before, signal.SIGKILL)
    worker.process.wait(20)
    assert in_workers.process_of(served) != before


def test_errors_keep_their_class_and_words(served: Settings) -> None:
    with pytest.raises(QueryTooSlow) as raised:
        in_workers.too_slow(served)
    assert "30" in raised.value.message
    with pytest.raises(QueryTooLarge):
        in_workers.out_of_memory(served)
    with pytest.raises(Exception, match="pickle"):
        in_workers.no_pickle(served)
    assert in_workers.process_of(served) != os.getpid()


def test_a_full_line_is_told_when_to_come_again(served: Settings, tmp_path: Path) -> None:
    """One reads, one waits; the third is sent away, and both others get their answers."""
    go, workers = tmp_path / "go", query_workers._serving[served.root]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(in_workers.wait_for, served, str(go)) for _ in range(2)]
        full = threading.Event()
        while not full.is_set():
            with workers._lock:
                if workers._callers == 2:
                    full.set()
        with pytest.raises(LakeBusy) as raised:
            in_workers.process_of(served)
        assert raised.value.seconds > 0
        go.touch()
        assert len({answer.result(60) for answer in answers}) == 1


def test_a_line_that_does_not_move_is_left(tmp_path: Path) -> None:
    workers = Workers(Settings(home=tmp_path / "var", readers=1, reader_queue=5, reader_wait=0.05, _env_file=None))
    go = tmp_path / "go"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(workers.run, in_workers.wait_for, Settings(home=tmp_path), str(go))
        while not workers._callers:
            pass
        with pytest.raises(LakeBusy):
            workers.run(in_workers.process_of, Settings(home=tmp_path))
        go.touch()
        assert answer.result(60)
    workers.close()


def test_workers_end_with_their_server(served: Settings) -> None:
    in_workers.process_of(served)
    worker = query_workers._serving[served.root]._idle[0]
    query_workers.stop(served)
    assert worker.process.poll() is not None
    assert in_workers.process_of(served) == os.getpid()
