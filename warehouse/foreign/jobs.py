"""What a worker does with foreign bytes, job by job. Runs in the worker only; every answer can be written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openpyxl  # noqa: F401 - slow to import, so once in the server, not in each worker

from contracts.checks.formats import registry as formats
from contracts.excel import annotate as template_return
from contracts.excel import marks
from contracts.inference import glossary
from warehouse.ingest import open_batch
from warehouse.onboarding import draft as drafting
from warehouse.readers import pages
from warehouse.settings import Settings
from warehouse.storage import landing

Answer = dict[str, Any]
Tell = Callable[..., None]


class Apart(Settings):
    """The hub's settings, with a scratch folder of this worker's own: what a death leaves there goes with the folder."""

    own_scratch: Path

    @property
    def scratch(self) -> Path:
        """The worker's folder."""
        return self.own_scratch


def do(job: str, settings: Mapping[str, Any], folder: Path, request: Mapping[str, Any], tell: Tell) -> Answer:
    """One job, by its name."""
    apart = Apart.model_construct(**{**settings, "own_scratch": folder})  # checked by who asks; 5 ms in a fork
    with landing.room_said(apart):
        return JOBS[job](apart, request, tell)


def stage(settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """Landed bytes read, checked row by row and written as the stage that the lake takes over."""
    return open_batch.staged(settings, **request)


def records(settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """Rows of landed bytes by their numbers, as received."""
    return open_batch.records(settings, **request)


def draft(settings: Settings, request: Mapping[str, Any], tell: Tell) -> Answer:
    """A file to a draft contract."""
    formats.declare(request["request"].formats)
    with glossary.using(request["words"]):
        drafted = drafting.draft_contract(request["request"], settings, tell)
    return {
        "text": drafted.contract.text,
        "report": drafted.report,
        "evidence": [asdict(each) for each in drafted.evidence],
        "rows": drafted.rows,
    }


def columns(settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """The headers of a file, read as a contract says."""
    return {"columns": drafting.columns_of(request["path"], request["reading"], settings, name=request["name"])}


def identify(_settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """The mark of a workbook made from a template."""
    mark = marks.identify(request["path"])
    return {"mark": None if mark is None else asdict(mark)}


def annotate(_settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """A returned workbook with its faults marked."""
    return {"marked": template_return.annotate(request["path"], request["faults"], request["target"])}


def page(_settings: Settings, request: Mapping[str, Any], _tell: Tell) -> Answer:
    """The records of a page as lines, and what else it says."""
    return asdict(pages.read(request["path"], request["asked"], request["target"]))


JOBS: Mapping[str, Callable[[Settings, Mapping[str, Any], Tell], Answer]] = {
    "stage": stage,
    "records": records,
    "draft": draft,
    "columns": columns,
    "identify": identify,
    "annotate": annotate,
    "page": page,
}
