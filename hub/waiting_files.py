"""The private folder of a file that waits to become a dataset: the file itself, what was seen in it, its draft."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from catalog.entries.onboardings import Onboarding
from contracts.inference.evidence import Evidence, Question, Undecided
from contracts.model import Item
from hub.file_answers import FileAnswers
from hub.from_file import Source, Target
from warehouse.foreign import files
from warehouse.settings import Settings


class Remark(BaseModel):
    """A sentence in both languages."""

    zh: str
    en: str


class FileChoice(Remark):
    """A possible answer and what it means."""

    value: str


class FileQuestion(Remark):
    """What the file leaves open; the choices come likeliest first."""

    option: str
    choices: list[FileChoice]
    evidence: list[Remark]
    free: bool = Field(description="Any other value may be given too.")


class DraftItem(BaseModel):
    """One item of a drafted contract. `source`: its header in the file."""

    name: str
    source: str
    title: str
    title_en: str
    type: str
    required: bool
    key: int | None
    format: str
    grade: str
    personal: str


class WaitingFile(BaseModel):
    """A file that waits to become a dataset: the questions that it leaves open, or its draft with the first rows."""

    id: str
    filename: str
    bytes: int
    state: Literal["questions", "draft", "next delivery", "loading", "loaded"]
    answers: FileAnswers = FileAnswers()
    questions: list[FileQuestion] = []
    evidence: list[Remark] = []
    dataset: str = ""
    title: str = ""
    owner: str = ""
    items: list[DraftItem] = []
    rows: list[list[str | None]] = Field(default=[], description="The first rows as they are written.")
    contract: str = Field(default="", description="The draft, an ODCS 3.1 document.")
    report: str = Field(default="", description="What was found of every column, for people.")
    batch: str = Field(default="", description="The first delivery, once it is loaded.")


def folder(settings: Settings, number: str) -> Path:
    """Where a waiting file lies; nobody but the hub's own user looks in."""
    return settings.root / "onboardings" / number


def put(settings: Settings, number: str, file: Path, filename: str) -> None:
    """Take a file over."""
    place = folder(settings, number)
    place.mkdir(parents=True, mode=0o700)
    place.parent.chmod(0o700)
    suffix = "".join(Path(filename).suffixes[-2:])[-20:]  # its own name may be too long in bytes
    shutil.move(file, place / f"upload{suffix}")


def upload(settings: Settings, number: str) -> Path:
    """The file."""
    return next(folder(settings, number).glob("upload*"))


def remove(settings: Settings, number: str) -> None:
    """The file and what was seen in it are gone."""
    shutil.rmtree(folder(settings, number), ignore_errors=True)


def save(settings: Settings, seen: WaitingFile) -> WaitingFile:
    """Keep what was seen."""
    (folder(settings, seen.id) / "seen.json").write_text(seen.model_dump_json(), encoding="utf-8")
    return seen


def read(settings: Settings, one: Onboarding) -> WaitingFile:
    """What was seen; of a file that is loaded, what became of it."""
    if one.state == "open":
        return kept(settings, one.id)
    state: Literal["loading", "loaded"] = "loaded" if one.state == "loaded" else "loading"
    return WaitingFile(id=one.id, filename=one.filename, bytes=one.bytes, state=state, dataset=one.dataset, batch=one.batch)


def kept(settings: Settings, number: str) -> WaitingFile:
    """What was seen when it was last looked at."""
    return WaitingFile.model_validate_json((folder(settings, number) / "seen.json").read_text(encoding="utf-8"))


def asked(one: Onboarding, answers: FileAnswers, undecided: Undecided) -> WaitingFile:
    """A file that leaves something open."""
    return WaitingFile(
        id=one.id,
        filename=one.filename,
        bytes=one.bytes,
        state="questions",
        answers=answers,
        questions=[_question(question) for question in undecided.questions],
        evidence=_remarks(undecided.evidence),
    )


def drafted(one: Onboarding, source: Source, to: Target, draft: files.Draft) -> WaitingFile:
    """A file with its draft."""
    return WaitingFile(
        id=one.id,
        filename=one.filename,
        bytes=one.bytes,
        state="draft",
        answers=source.answers,
        evidence=_remarks(draft.evidence),
        dataset=to.name,
        title=to.title,
        owner=to.owner,
        items=[_item(item) for item in draft.contract.items],
        rows=[list(row) for row in draft.rows],
        contract=draft.contract.text,
        report=draft.report,
    )


def next_delivery(one: Onboarding, source: Source, to: Target, evidence: tuple[Evidence, ...]) -> WaitingFile:
    """A file that is the next delivery of a dataset that is there."""
    assert to.contract is not None  # noqa: S101 - it is there
    return WaitingFile(
        id=one.id,
        filename=one.filename,
        bytes=one.bytes,
        state="next delivery",
        answers=source.answers,
        evidence=_remarks(evidence),
        dataset=to.name,
        title=to.contract.title,
        owner=to.contract.owner,
    )


def _remarks(evidence: tuple[Evidence, ...]) -> list[Remark]:
    return [Remark(zh=one.zh, en=one.en) for one in evidence]


def _question(question: Question) -> FileQuestion:
    choices = [FileChoice(value=one.value, zh=one.meaning.zh, en=one.meaning.en) for one in question.choices]
    evidence = _remarks(question.evidence)
    return FileQuestion(
        option=question.option,
        zh=question.said.zh,
        en=question.said.en,
        choices=choices,
        evidence=evidence,
        free=question.free,
    )


def _item(item: Item) -> DraftItem:
    return DraftItem(
        name=item.name,
        source=(item.source or (item.title,))[0],
        title=item.title,
        title_en=item.title_en,
        type=str(item.type),
        required=item.required,
        key=item.key,
        format=item.format.name if item.format else "",
        grade=item.grade,
        personal=item.personal or "",
    )
