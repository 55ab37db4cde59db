"""From a file to a dataset, or to the next delivery of one: what the command `hub onboard` and the portal's pages share."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from sqlmodel import Session

from catalog.entries import contracts as registry
from catalog.entries import packs
from catalog.identity import organizations
from catalog.identity.people import Subject
from contracts.checks.formats import registry as formats
from contracts.clock import today
from contracts.errors import HubError
from contracts.inference import glossary, naming
from contracts.inference.beside import ALL
from contracts.inference.divisions import PREFIX
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
from contracts.model import Contract
from hub.file_answers import FileAnswers, UnusableAnswer
from hub.hub import Hub
from warehouse.foreign import files
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Delivered
from warehouse.ingest.ports import Lookups
from warehouse.onboarding import draft as drafting
from warehouse.readers import column_match
from warehouse.readers.archive import INSIDE

FIRST_DIVISIONS = 1980
"""Year of the first table of GB/T 2260."""


class StillGrowing(HubError):
    """The file changed while it was looked at."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} 还在变化，没有入库任何数据。请等文件写完后再运行。",
            f"{name} is still changing; nothing was loaded. Run this again when the file is whole.",
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it lies, how people call it, and what they said of it."""

    path: Path
    filename: str
    answers: FileAnswers

    def stamp(self) -> tuple[int, int]:
        """Size and time of its last change."""
        stat = self.path.stat()
        return stat.st_size, stat.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Target:
    """The dataset that a file is for. `contract`: the one in force, where the dataset is there."""

    name: str
    title: str
    owner: str
    contract: Contract | None


def target(session: Session, source: Source) -> Target:
    """Name and title from the file's name and the part of it that was chosen, unless they were said. UnknownOrganization."""
    packs.make_formats_known(session)
    answers, part = source.answers, source.answers.sheet
    part = "" if part == ALL else part
    if answers.records:
        part = answers.records.rpartition(".")[2].strip("$")
    file = PurePath(answers.member.rpartition(INSIDE)[2]).name if answers.member else source.filename
    title = naming.dataset_title(file, part)
    with glossary.using(packs.words(session)):
        name = answers.dataset or naming.dataset_name(title)
    owner = organizations.get(session, answers.owner).id if answers.owner else organizations.own(session).id
    contract = None
    with suppress(registry.UnknownContract):
        contract = registry.active(session, name)
    return Target(name, answers.title or title, owner, contract)


def draft(hub: Hub, source: Source, to: Target, *, rows: int = 0, progress: drafting.Progress | None = None) -> files.Draft:
    """The contract of a new dataset, drafted from all rows of its file. Undecided with every question that it leaves open."""
    past = {
        year: codes for year in range(FIRST_DIVISIONS, today().year + 1) if (codes := _codes(hub.lookups, f"{PREFIX}{year}"))
    }
    request = drafting.Request(
        source.path,
        to.name,
        to.title,
        to.owner,
        source.filename,
        source.answers.reading,
        source.answers.columns(),
        source.answers.key_columns,
        _codes(hub.lookups, "division"),
        past,
        rows,
        formats.brought(),
    )
    with hub.session() as session:
        words = packs.words(session)
    return files.draft_contract(request, hub.settings, progress, words=words)


def compare(hub: Hub, source: Source, contract: Contract) -> tuple[Evidence, ...]:
    """See that a file is the next delivery of a dataset; Undecided where it may be another, UnusableAnswer where it cannot."""
    if contract.catalogue.get("library", "resource") != "resource":
        raise UnusableAnswer(
            f"{contract.dataset} 是由模型生成的表，不接收文件；请用 --dataset 另起名称。",
            f"{contract.dataset} is made by a model and takes no file; give another name with --dataset.",
        )
    history = hub.ledger.history(contract.dataset)
    with source.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest in {entry.receipt.sha256 for entry in history}:
        return ()
    reading = {**contract.reading, **source.answers.reading}
    columns = files.columns_of(source.path, reading, hub.settings, name=source.filename)
    match = column_match.match(contract, columns)
    missing, extra = [item.title for item in match.missing], list(match.extra)
    same_name = source.filename in {entry.receipt.filename for entry in history} or not history
    if (missing or extra) and not source.answers.dataset:  # told by name, the delivery itself asks what is open
        raise Undecided((_another(contract, missing, extra),))
    if not same_name and not source.answers.dataset:
        raise Undecided((_next_delivery(source.filename, contract),))
    left = Evidence(
        f"契约之外的列未入库：{'、'.join(extra)}", f"columns outside the contract are not loaded: {', '.join(extra)}"
    )
    return (left,) if extra else ()


def register(hub: Hub, subject: Subject, contract: Contract, report: str) -> None:
    """The draft as a file that a steward edits, and as the contract in force; its entry waits for the steward."""
    folder = hub.settings.root / "contracts"
    folder.mkdir(exist_ok=True)
    (folder / f"{contract.dataset}.odcs.yaml").write_text(contract.text, encoding="utf-8")
    (folder / f"{contract.dataset}.profile.md").write_text(report, encoding="utf-8")
    with hub.session() as session:
        registry.register(session, contract, by=subject.actor, origin="onboard", state="draft")


def load(hub: Hub, subject: Subject, source: Source, contract: Contract) -> Delivered:
    """The file as a delivery of the dataset."""
    return ingest.deliver(
        hub.settings,
        hub.ledger,
        hub.lookups,
        source.path,
        dataset=contract.dataset,
        contract=contract,
        received_by=subject.actor,
        route=str(contract.catalogue.get("route", "")),
        organization_id=contract.owner or None,
        run_id=f"job:{hub.job}" if hub.job else "",
        filename=source.filename,
    )


def _codes(lookups: Lookups, name: str) -> tuple[str, ...]:
    with suppress(KeyError, HubError):
        return tuple(lookups.codes(name))
    return ()


def _another(contract: Contract, missing: list[str], extra: list[str]) -> Question:
    evidence = []
    if missing:
        evidence.append(Evidence(f"缺少列：{'、'.join(missing[:20])}", f"columns missing: {', '.join(missing[:20])}"))
    if extra:
        evidence.append(Evidence(f"多出列：{'、'.join(extra[:20])}", f"columns too many: {', '.join(extra[:20])}"))
    new = Choice(_free_name(contract), Said("作为另一个数据集", "make it a dataset of its own"))
    keep = Choice(
        contract.dataset, Said("仍交给该数据集，多出的列不入库", "deliver it to that dataset without the extra columns")
    )
    question = Said(
        f"已有数据集 {contract.dataset}（{contract.title}），但列不同；若要改契约，请编辑后登记更高版本并使其生效",
        f"There is a dataset {contract.dataset} ({contract.title}) with other columns; "
        "to change its contract, edit it, save a higher version and put that in force",
    )
    return Question("--dataset", question, (new,) if missing else (new, keep), tuple(evidence), free=True)


def _next_delivery(filename: str, contract: Contract) -> Question:
    question = Said(
        f"{filename} 与数据集 {contract.dataset}（{contract.title}）列相同：是它的下一次交付吗？",
        f"{filename} has the columns of {contract.dataset} ({contract.title}): is it that dataset's next delivery?",
    )
    choices = (
        Choice(contract.dataset, Said("是，交付给该数据集", "yes, deliver it")),
        Choice(_free_name(contract), Said("不是，另建数据集", "no, make a dataset of its own")),
    )
    return Question("--dataset", question, choices, free=True)


def _free_name(contract: Contract) -> str:
    return f"{contract.dataset[:58]}_2"
