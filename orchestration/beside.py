"""Steps of one run side by side, in one process: those tagged BESIDE in threads of their own, the others one after the other.

Dagster runs the steps of a process in turn, or each in a process of its own, which takes seconds to import what it needs and
cannot tell another what it has. Collect and load must overlap: a slow source is collected from while the others are loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import Any

from dagster import DagsterEvent
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.executor.in_process import InProcessExecutor
from dagster._utils.interrupts import check_captured_interrupt

from orchestration.waiting import next_of

BESIDE = "hui/beside"
"""Tag of an op whose step runs beside the others of its run."""
WAIT_SECONDS = 0.2


class SideBySideExecutor(InProcessExecutor):
    """All steps in the run's own process; those tagged BESIDE at the same time as the others."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[DagsterEvent]:
        """Dagster's own in-process execution, with its steps laid side by side."""
        context_manager = PlanExecutionContextManager(
            job=plan_context.job,
            retry_mode=plan_context.retry_mode,
            execution_plan=plan_context.execution_plan,
            run_config=plan_context.run_config,
            dagster_run=plan_context.dagster_run,
            instance=plan_context.instance,
            raise_on_error=plan_context.raise_on_error,
            output_capture=plan_context.output_capture,
            step_dependency_config=self.step_dependency_config,
        )
        plan = plan_context.execution_plan
        yield from ExecuteRunWithPlanIterable(plan, iterator=_steps, execution_context_manager=context_manager)


def _steps(job_context: Any, execution_plan: Any) -> Iterator[DagsterEvent]:
    """The events of all steps as they come; output of the process is captured once for all."""
    logs = job_context.instance.compute_log_manager
    keys = [step.key for step in execution_plan.get_steps_to_execute_in_topo_order()]
    with (
        InstanceConcurrencyContext(job_context.instance, job_context.dagster_run) as concurrency,
        execution_plan.start(
            retry_mode=job_context.retry_mode,
            instance_concurrency_context=concurrency,
            step_dependency_config=job_context.step_dependency_config,
        ) as active,
        ExitStack() as capture,
    ):
        log_key = logs.build_log_key_for_run(job_context.run_id, create_compute_log_file_key())
        log_context = capture.enter_context(logs.capture_logs(log_key))
        yield DagsterEvent.capture_logs(job_context, keys, log_key, log_context)
        yield from _Under(job_context, active).way()


class _Under:
    """Steps under way."""

    def __init__(self, job_context: Any, active: Any) -> None:
        self.job_context, self.active = job_context, active
        self.events: SimpleQueue[tuple[str, DagsterEvent | BaseException | None]] = SimpleQueue()
        self.beside: set[str] = set()

    def way(self) -> Iterator[DagsterEvent]:
        """Until every step is complete."""
        mine: list[Any] = []
        while not self.active.is_complete:
            for step in self.active.get_steps_to_execute():
                if BESIDE in step.tags:
                    self._start(step)
                else:
                    mine.append(step)
            yield from self.active.concurrency_event_iterator(self.job_context)
            if mine:
                yield from self._here(mine.pop(0))
            else:
                yield from self._from_beside(WAIT_SECONDS)
            yield from self.active.plan_events_iterator(self.job_context)

    def _here(self, step: Any) -> Iterator[DagsterEvent]:
        """One step in this thread, with what comes from beside in between."""
        for event in dagster_event_sequence_for_step(self._context(step)):
            yield event
            self.active.handle_event(event)
            yield from self._from_beside(0)
        self.active.verify_complete(self.job_context, step.key)

    def _start(self, step: Any) -> None:
        self.beside.add(step.key)
        context = self._context(step)

        def run() -> None:
            end: BaseException | None = None
            try:
                for event in dagster_event_sequence_for_step(context):
                    self.events.put((step.key, event))
            except BaseException as error:  # raised in the main thread
                end = error
            self.events.put((step.key, end))

        threading.Thread(target=run, name=f"step {step.key}", daemon=True).start()

    def _from_beside(self, wait: float) -> Iterator[DagsterEvent]:
        """What the steps beside have said so far, for which to wait a little where nothing else is to be done."""
        if wait and check_captured_interrupt():
            raise DagsterExecutionInterruptedError
        while self.beside:
            try:
                key, event = next_of(self.events, wait)
            except Empty:
                return
            wait = 0
            if isinstance(event, DagsterEvent):
                yield event
                self.active.handle_event(event)
                continue
            self.beside.discard(key)
            if event is not None:
                raise event
            self.active.verify_complete(self.job_context, key)

    def _context(self, step: Any) -> Any:
        return self.job_context.for_step(step, self.active.get_known_state())
