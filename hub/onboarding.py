"""Onboarding: a file becomes a dataset. It is looked at, what it leaves open is answered, its draft is edited, it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog import access
from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from catalog.entries import onboardings
from catalog.entries.onboardings import Onboarding
from catalog.identity.people import Subject
from catalog.store.jobs import OPEN as OPEN_JOBS
from catalog.store.jobs import Job
from contracts.errors import HubError
from contracts.inference.evidence import Evidence, Undecided
from contracts.model import Contract
from hub import acts, deliveries, from_file, waiting_files
from hub.acts import Deed, act, doing
from hub.contracts import MANAGE
from hub.deliveries import Delivery, delivery_of
from hub.edited_draft import NameTaken, Number, Onboard, checked_contract, drafted_otherwise
from hub.file_answers import FileAnswer, FileAnswers
from hub.from_file import Source, StillGrowing
from hub.hub import Hub
from hub.jobs import begun_again
from hub.waiting_files import FileQuestion, WaitingFile
from warehouse.ingest.deliver import Delivered
from warehouse.onboarding.draft import Progress
from warehouse.storage import landing

ROWS = 20
"""First rows that are shown beside a draft."""


class StillOpen(HubError):
    """A file cannot be loaded before its questions are answered."""

    def __init__(self, questions: list[FileQuestion]) -> None:
        zh, en = "；".join(one.zh for one in questions), "; ".join(one.en for one in questions)
        super().__init__(
            f"文件还有 {len(questions)} 个问题没有答复，没有入库任何数据：{zh}",
            f"The file leaves {len(questions)} question(s) open; nothing was loaded: {en}",
        )


class InspectFile(BaseModel):
    """A file that is to become a dataset."""

    file: Path
    filename: str = Field(default="", max_length=1000, description="Its name; its ending counts.")


class AnswerFile(BaseModel):
    """Answers to what a waiting file leaves open."""

    onboarding: Number
    answers: list[FileAnswer] = Field(max_length=10_000)


class DiscardFile(BaseModel):
    """A waiting file that is given up."""

    onboarding: Number


class Onboarded(BaseModel):
    """A dataset with its first delivery, or the next one of a dataset that was there."""

    onboarding: str
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


def _may_load(hub: Hub, subject: Subject, given: Onboard) -> None:
    """Refuse at once who may not, and what the draft as edited already says; what a look at the file tells comes later."""
    acts.require(hub, subject, "onboard")
    with hub.session() as session:
        one = onboardings.opened(session, given.onboarding, subject.login)
        session.expunge(one)
    seen_before = waiting_files.kept(hub.settings, one.id)
    if seen_before.questions:
        raise StillOpen(seen_before.questions)
    if seen_before.state == "draft" and drafted_otherwise(seen_before, given) == seen_before.answers:
        checked_contract(hub, seen_before, given)


def _let_go(hub: Hub, subject: Subject, job: str) -> None:
    """After a cancelled job: its half-way batch is put aside, its file waits on."""
    deliveries.withdraw(hub, subject, job)
    with hub.session() as session:
        onboardings.let_go(session, str(session.get_one(Job, job).payload["onboarding"]))


@act(
    "onboard",
    policy=MANAGE,
    zh="登记数据：入库",
    en="make a dataset of a file",
    api="POST /onboardings/{onboarding}",
    cli="onboard",
    portal="/onboard/{onboarding}",
    long=True,
    may=_may_load,
    withdraws=_let_go,
)
def onboard(hub: Hub, subject: Subject, given: Onboard) -> Onboarded:
    """Make the dataset: its contract in force, its entry a draft, the file its first delivery.

    StillOpen where an edit (a type, a key) makes the file leave something open again: see the waiting file.
    """
    with doing(hub, subject, "onboard", about=f"onboarding:{given.onboarding}") as deed:
        one = onboardings.take(deed.session, given.onboarding, subject.login, again=begun_again(hub))
        deed.session.expunge(one)
        deed.pause()
        with _open_again(hub, one.id):
            loaded = _loaded_before(hub, one) or _finish(hub, subject, one, given)
        onboardings.settle(deed.session, one.id, onboardings.LOADED, loaded.contract.dataset, loaded.delivered.batch_id)
        _tell(deed, one.filename, loaded)
    waiting_files.remove(hub.settings, given.onboarding)
    delivered = loaded.delivered
    return Onboarded(
        onboarding=given.onboarding,
        dataset=loaded.contract.dataset,
        new=loaded.new,
        contract_version=loaded.contract.version,
        delivery=delivery_of(delivered.batch_id, loaded.contract.dataset, delivered.outcome, no_op=delivered.no_op),
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
        files = list(onboardings.waiting(session, subject.login))
        session.expunge_all()
        return files


def seen(hub: Hub, subject: Subject, number: str) -> WaitingFile:
    """One of the caller's own. One whose job was given up waits on. Errors: UnknownOnboarding."""
    with hub.session() as session:
        one = onboardings.get(session, number, subject.login)
        if one.state == onboardings.LOADING and not _at_work(session, number):
            onboardings.let_go(session, number)
            session.refresh(one)
        return waiting_files.read(hub.settings, one)


def _at_work(session: Session, number: str) -> bool:
    """Whether a job is there that loads it."""
    payloads = session.exec(select(Job.payload).where(Job.act == "onboard", col(Job.state).in_(OPEN_JOBS)))
    return any(payload.get("onboarding") == number for payload in payloads)


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
            drafted = waiting_files.drafted(one, source, to, from_file.draft(hub, source, to, rows=ROWS))
        else:
            drafted = waiting_files.next_delivery(one, source, to, from_file.compare(hub, source, to.contract))
    except Undecided as undecided:
        drafted = waiting_files.asked(one, answers, undecided)
    return waiting_files.save(hub.settings, drafted)


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
    answers = drafted_otherwise(seen_before, given)
    drafted = seen_before if answers == seen_before.answers else _look(hub, one, answers)
    if drafted.questions:
        raise StillOpen(drafted.questions)
    if drafted.state != "draft":
        raise NameTaken(drafted.dataset)
    contract = checked_contract(hub, drafted, given)
    from_file.register(hub, subject, contract, drafted.report)
    source = Source(waiting_files.upload(hub.settings, one.id), one.filename, answers)
    return Loaded(contract, from_file.load(hub, subject, source, contract), (), new=True)


def _loaded_before(hub: Hub, one: Onboarding) -> Loaded | None:
    """What this job had loaded when its process died, or the batch that it had begun, brought to its end."""
    with hub.session() as session:
        mine = select(Batch.dataset).where(Batch.run_id == f"job:{hub.job}")
        dataset = session.exec(mine).first() if hub.job else None
    delivered = deliveries.begun_before(hub, dataset) if dataset else None
    if delivered is None or dataset is None:
        return None
    contract = hub.lookups.contract(dataset)
    new = waiting_files.kept(hub.settings, one.id).state == "draft"
    return Loaded(contract, delivered, (), new)


def _deliver(hub: Hub, subject: Subject, one: Onboarding, seen_before: WaitingFile) -> Loaded:
    source = Source(waiting_files.upload(hub.settings, one.id), one.filename, seen_before.answers)
    with hub.session() as session:
        access.require(session, subject, "deliver", acts.known(session, subject, seen_before.dataset))
        contract = registry.active(session, seen_before.dataset)
    return Loaded(contract, from_file.load(hub, subject, source, contract), (), new=False)


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
