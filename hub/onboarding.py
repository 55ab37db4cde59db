"""Onboarding: a file becomes a dataset. It is looked at, what it leaves open is answered, its draft is edited, it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog import access
from catalog.entries import contracts as registry
from catalog.entries import onboardings, resources
from catalog.entries.onboardings import Onboarding
from catalog.entries.resources import UnknownResource
from catalog.identity import organizations
from catalog.identity.people import Subject
from contracts.errors import HubError
from contracts.inference.evidence import Evidence, Undecided
from contracts.model import Contract, Type
from contracts.odcs import draft_edits, loader
from contracts.odcs.draft_edits import DatasetEdit, ItemEdit
from hub import acts, from_file, waiting_files
from hub.acts import Deed, act, doing
from hub.contracts import LARGEST, MANAGE
from hub.deliveries import Delivery, delivery_of
from hub.file_answers import FileAnswer, FileAnswers
from hub.from_file import Source, StillGrowing
from hub.hub import Hub
from hub.waiting_files import DraftItem, FileQuestion, WaitingFile
from warehouse.ingest.deliver import Delivered
from warehouse.onboarding.draft import Progress
from warehouse.storage import landing

ROWS = 20
"""First rows that are shown beside a draft."""
Number = Annotated[str, Field(max_length=64, description="Number of the waiting file.")]
Text = Annotated[str, Field(max_length=1000)]


class StillOpen(HubError):
    """A file cannot be loaded before its questions are answered."""

    def __init__(self, questions: list[FileQuestion]) -> None:
        zh, en = "；".join(one.zh for one in questions), "; ".join(one.en for one in questions)
        super().__init__(
            f"文件还有 {len(questions)} 个问题没有答复，没有入库任何数据：{zh}",
            f"The file leaves {len(questions)} question(s) open; nothing was loaded: {en}",
        )


class NameTaken(HubError):
    """A new dataset under the name of one that is there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"数据集 {name} 已存在，请另起名称；若这是它的下一次交付，请到它的页面送交。",
            f"There is a dataset {name}; give another name, or deliver the file to that one.",
        )


class InspectFile(BaseModel):
    """A file that is to become a dataset."""

    file: Path
    filename: str = Field(default="", max_length=1000, description="Its name; its ending counts.")


class AnswerFile(BaseModel):
    """Answers to what a waiting file leaves open."""

    onboarding: Number
    answers: list[FileAnswer] = Field(max_length=10_000)


class EditItem(BaseModel):
    """What is to be otherwise about a drafted item; what is not given stays. Another type or key is drafted anew."""

    item: str = Field(max_length=200, description="Its name in the draft.")
    name: str | None = Field(default=None, max_length=200)
    title: Text | None = None
    title_en: Text | None = None
    type: Type | None = None
    required: bool | None = None
    key: bool | None = None
    format: str | None = Field(default=None, max_length=40, description="Domain format; empty: none.")
    grade: Literal["L1", "L2", "L3", "L4"] | None = None


class Onboard(BaseModel):
    """A waiting file that is to be loaded, with its draft as edited; empty: as drafted."""

    onboarding: Number
    dataset: str = Field(default="", max_length=200, examples=["shelter"])
    title: Text = ""
    title_en: Text = ""
    owner: str = Field(default="", max_length=200, description="Organization that answers for the data.")
    items: list[EditItem] = Field(default=[], max_length=5000)
    contract: str = Field(
        default="", max_length=LARGEST, description="The whole draft, edited; the items then stay as it says."
    )


class DiscardFile(BaseModel):
    """A waiting file that is given up."""

    onboarding: Number


class Onboarded(BaseModel):
    """A dataset with its first delivery, or the next one of a dataset that was there."""

    dataset: str
    new: bool
    contract_version: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file: the contract it was checked by, the delivery, and what was seen in it."""

    contract: Contract
    delivered: Delivered
    evidence: tuple[Evidence, ...]
    new: bool


def may_onboard(hub: Hub, subject: Subject) -> None:
    """Refuse, on record, who may not make datasets, before their file is read. Errors: Refused."""
    acts.require(hub, subject, "onboard.inspect")


@act(
    "onboard.inspect",
    policy=MANAGE,
    zh="登记数据：识别文件",
    en="inspect a file",
    api="POST /onboardings",
    cli="onboard",
    portal="/onboard",
    streams=True,
)
def inspect(hub: Hub, subject: Subject, given: InspectFile) -> WaitingFile:
    """Take a file, find out how it is read, and draft its contract; what it does not say is asked. It waits for seven days."""
    clean_up(hub)
    with doing(hub, subject, "onboard.inspect") as deed:
        filename = landing.told_name(given.filename or given.file.name)
        one = onboardings.begin(deed.session, subject.login, filename, given.file.stat().st_size)
        waiting_files.put(hub.settings, one.id, given.file, filename)
        deed.object, deed.detail = f"onboarding:{one.id}", {"file": filename, "bytes": one.bytes}
        deed.session.expunge(one)
        deed.pause()
        try:
            return _look(hub, one, FileAnswers())
        except HubError:
            onboardings.forget(deed.session, one.id)
            deed.pause()
            waiting_files.remove(hub.settings, one.id)
            raise


@act(
    "onboard.answer",
    policy=MANAGE,
    zh="登记数据：答复文件的问题",
    en="answer what a file leaves open",
    api="POST /onboardings/{onboarding}/answers",
    cli="onboard",
    portal="/onboard/{onboarding}",
)
def answer(hub: Hub, subject: Subject, given: AnswerFile) -> WaitingFile:
    """Answer questions of a waiting file, and look at it again; more may be open then."""
    with doing(hub, subject, "onboard.answer", about=f"onboarding:{given.onboarding}") as deed:
        one = onboardings.opened(deed.session, given.onboarding, subject.login)
        answers = waiting_files.read(hub.settings, one).answers.also(given.answers)
        answers.check()
        deed.detail = {"file": one.filename, "answers": answers.model_dump(exclude_defaults=True)}
        deed.session.expunge(one)
        deed.pause()
        return _look(hub, one, answers)


@act(
    "onboard",
    policy=MANAGE,
    zh="登记数据：入库",
    en="make a dataset of a file",
    api="POST /onboardings/{onboarding}",
    cli="onboard",
    portal="/onboard/{onboarding}",
)
def onboard(hub: Hub, subject: Subject, given: Onboard) -> Onboarded:
    """Make the dataset: its contract in force, its entry a draft, the file its first delivery.

    StillOpen where an edit (a type, a key) makes the file leave something open again: see the waiting file.
    """
    with doing(hub, subject, "onboard", about=f"onboarding:{given.onboarding}") as deed:
        one = onboardings.take(deed.session, given.onboarding, subject.login)
        deed.session.expunge(one)
        deed.pause()
        with _open_again(hub, one.id):
            loaded = _finish(hub, subject, one, given)
        onboardings.settle(deed.session, one.id, onboardings.LOADED, loaded.contract.dataset, loaded.delivered.batch_id)
        _tell(deed, one.filename, loaded)
    waiting_files.remove(hub.settings, given.onboarding)
    made = loaded.delivered
    return Onboarded(
        dataset=loaded.contract.dataset,
        new=loaded.new,
        contract_version=loaded.contract.version,
        delivery=delivery_of(made.batch_id, loaded.contract.dataset, made.outcome, no_op=made.no_op),
    )


@act(
    "onboard.discard",
    policy=MANAGE,
    zh="登记数据：放弃文件",
    en="give up a waiting file",
    api="POST /onboardings/{onboarding}/discard",
    cli="— the command keeps no waiting files",
    portal="/onboard/{onboarding}",
)
def discard(hub: Hub, subject: Subject, given: DiscardFile) -> WaitingFile:
    """Give a waiting file up: it is gone, with everything that was seen in it."""
    with doing(hub, subject, "onboard.discard", about=f"onboarding:{given.onboarding}") as deed:
        one = onboardings.get(deed.session, given.onboarding, subject.login)
        seen = waiting_files.read(hub.settings, one)
        deed.detail = {"file": one.filename, "state": one.state}
        onboardings.forget(deed.session, one.id)
    waiting_files.remove(hub.settings, given.onboarding)
    return seen


def onboard_file(hub: Hub, subject: Subject, file: Path, answers: FileAnswers, progress: Progress) -> Loaded:
    """`onboard` for a file of this machine that does not wait: loaded at once, or Undecided with what it leaves open."""
    answers.check()
    source = Source(file, file.name, answers)
    before = source.stamp()
    with hub.session() as session:
        to = from_file.target(session, source)
    policy, entry = ("deliver", to.name) if to.contract else ("", "")
    with doing(hub, subject, "onboard", entry, about=to.name, policy=policy) as deed:
        deed.pause()
        if to.contract is None:
            drafted = from_file.draft(hub, source, to, progress=progress)
            if source.stamp() != before:
                raise StillGrowing(source.filename)
            from_file.register(hub, subject, drafted.contract, drafted.report)
            contract, evidence = drafted.contract, drafted.evidence
        else:
            contract, evidence = to.contract, from_file.compare(hub, source, to.contract)
        progress("load", 0, 1)
        loaded = Loaded(contract, from_file.load(hub, subject, source, contract), evidence, to.contract is None)
        _tell(deed, source.filename, loaded)
        return loaded


def waiting(hub: Hub, subject: Subject) -> list[Onboarding]:
    """The caller's own waiting files, newest first."""
    with hub.session() as session:
        found = list(onboardings.waiting(session, subject.login))
        session.expunge_all()
        return found


def seen(hub: Hub, subject: Subject, number: str) -> WaitingFile:
    """One of the caller's own. Errors: UnknownOnboarding."""
    with hub.session() as session:
        return waiting_files.read(hub.settings, onboardings.get(session, number, subject.login))


def clean_up(hub: Hub) -> None:
    """Remove files that waited too long."""
    with hub.session() as session:
        late = onboardings.expire(session)
    for number in late:
        waiting_files.remove(hub.settings, number)


def _look(hub: Hub, one: Onboarding, answers: FileAnswers) -> WaitingFile:
    """See how a waiting file is read, with what was said of it so far."""
    source = Source(waiting_files.upload(hub.settings, one.id), one.filename, answers)
    with hub.session() as session:
        to = from_file.target(session, source)
    try:
        if to.contract is None:
            found = waiting_files.drafted(one, source, to, from_file.draft(hub, source, to, rows=ROWS))
        else:
            found = waiting_files.next_delivery(one, source, to, from_file.compare(hub, source, to.contract))
    except Undecided as undecided:
        found = waiting_files.asked(one, answers, undecided)
    return waiting_files.save(hub.settings, found)


@contextmanager
def _open_again(hub: Hub, number: str) -> Iterator[None]:
    """What could not be loaded waits on."""
    try:
        yield
    except BaseException:
        with hub.session() as session:
            onboardings.settle(session, number, onboardings.OPEN)
        raise


def _finish(hub: Hub, subject: Subject, one: Onboarding, given: Onboard) -> Loaded:
    """The dataset with its first delivery; or the next delivery, where that is what the person saw."""
    seen_before = waiting_files.kept(hub.settings, one.id)
    if seen_before.questions:
        raise StillOpen(seen_before.questions)
    if seen_before.state == "next delivery":
        return _deliver(hub, subject, one, seen_before)
    answers = _drafted_otherwise(seen_before, given)
    drafted = seen_before if answers == seen_before.answers else _look(hub, one, answers)
    if drafted.questions:
        raise StillOpen(drafted.questions)
    if drafted.state != "draft":
        raise NameTaken(drafted.dataset)
    contract = _contract(drafted, given)
    with hub.session() as session:
        organizations.get(session, contract.owner)
        if _there(session, contract.dataset):
            raise NameTaken(contract.dataset)
    from_file.register(hub, subject, contract, drafted.report)
    source = Source(waiting_files.upload(hub.settings, one.id), one.filename, answers)
    return Loaded(contract, from_file.load(hub, subject, source, contract), (), new=True)


def _deliver(hub: Hub, subject: Subject, one: Onboarding, seen_before: WaitingFile) -> Loaded:
    source = Source(waiting_files.upload(hub.settings, one.id), one.filename, seen_before.answers)
    with hub.session() as session:
        access.require(session, subject, "deliver", acts.known(session, subject, seen_before.dataset))
        contract = registry.active(session, seen_before.dataset)
    return Loaded(contract, from_file.load(hub, subject, source, contract), (), new=False)


def _drafted_otherwise(seen_before: WaitingFile, given: Onboard) -> FileAnswers:
    """What was said of the file, with the types and the key of the edits: they change how its values are read."""
    items = {item.name: item for item in seen_before.items}
    edits = {edit.item: edit for edit in given.items if edit.item in items} if not given.contract else {}
    types = [
        FileAnswer(option="--type", value=f"{items[name].source}={edit.type}")
        for name, edit in edits.items()
        if edit.type is not None and edit.type != items[name].type
    ]
    before = [item.name for item in sorted(seen_before.items, key=lambda item: item.key or 0) if item.key]
    key = [name for name in before if _is_key(items[name], edits.get(name))]
    key += [name for name in items if name not in before and _is_key(items[name], edits.get(name))]
    keys = [FileAnswer(option="--key", value=",".join(key) or "none")] if key != before else []
    return seen_before.answers.also([*types, *keys])


def _is_key(item: DraftItem, edit: EditItem | None) -> bool:
    return bool(item.key) if edit is None or edit.key is None else edit.key


def _contract(drafted: WaitingFile, given: Onboard) -> Contract:
    """The draft as edited, linted whole. Errors: InvalidContract."""
    if given.contract:
        return loader.parse(given.contract, "contract.odcs.yaml")
    whole = DatasetEdit(given.dataset, given.title, given.title_en, given.owner)
    edits = {
        edit.item: ItemEdit(edit.name, edit.title, edit.title_en, edit.required, edit.format, edit.grade)
        for edit in given.items
    }
    document = draft_edits.edited(loader.restore(drafted.contract).document, whole, edits)
    return loader.parse(loader.dump(document), "contract.odcs.yaml")


def _there(session: Session, dataset: str) -> bool:
    with suppress(UnknownResource):
        return bool(resources.get(session, dataset))
    return False


def _tell(deed: Deed, filename: str, loaded: Loaded) -> None:
    """What the record says; a repeat that changed nothing is on record too."""
    outcome = loaded.delivered.outcome
    deed.object = loaded.contract.dataset
    deed.detail = {
        "file": filename,
        "batch": loaded.delivered.batch_id,
        "new_dataset": loaded.new,
        "no_op": loaded.delivered.no_op,
        "state": outcome.state,
        "received": outcome.received,
        "accepted": outcome.accepted,
        "quarantined": outcome.quarantined,
    }
