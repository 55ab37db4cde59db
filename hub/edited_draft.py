"""The draft of a waiting file as a person edited it, before it becomes the contract of a dataset."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.deliveries import batches
from catalog.entries import contracts as registry
from catalog.entries import packs, resources
from catalog.entries.resources import UnknownResource
from catalog.identity import organizations
from contracts.errors import HubError
from contracts.model import Contract, Type
from contracts.odcs import draft_edits, loader
from contracts.odcs.draft_edits import DatasetEdit, ItemEdit
from hub.contracts import LARGEST
from hub.file_answers import FileAnswer, FileAnswers
from hub.hub import Hub
from hub.waiting_files import DraftItem, WaitingFile

Number = Annotated[str, Field(max_length=64, description="Number of the waiting file.")]
Text = Annotated[str, Field(max_length=1000)]


class NameTaken(HubError):
    """A new dataset under the name of one that is there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"数据集 {name} 已存在，请另起名称；若这是它的下一次交付，请到它的页面送交。",
            f"There is a dataset {name}; give another name, or deliver the file to that one.",
        )


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
    dataset: str = Field(default="", max_length=200, examples=["enterprise_list"])
    title: Text = ""
    title_en: Text = ""
    owner: str = Field(default="", max_length=200, description="Organization that answers for the data.")
    items: list[EditItem] = Field(default=[], max_length=5000)
    contract: str = Field(
        default="", max_length=LARGEST, description="The whole draft, edited; the items then stay as it says."
    )


def checked_contract(hub: Hub, drafted: WaitingFile, given: Onboard) -> Contract:
    """The draft as edited, of an owner that is there, under a name that is free. Errors: InvalidContract, NameTaken."""
    with hub.session() as session:
        packs.make_formats_known(session)
    contract = _contract(drafted, given)
    with hub.session() as session:
        organizations.get(session, contract.owner)
        if _there(session, contract.dataset) and not _only_begun(session, contract):
            raise NameTaken(contract.dataset)
    return contract


def _only_begun(session: Session, contract: Contract) -> bool:
    """Whether the dataset is what an earlier try made of the same draft: nothing was delivered yet."""
    with suppress(registry.UnknownContract):
        return registry.active(session, contract.dataset) == contract and not batches.any_of(session, contract.dataset)
    return False


def drafted_otherwise(seen_before: WaitingFile, given: Onboard) -> FileAnswers:
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
