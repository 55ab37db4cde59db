"""An entry's items as people edit them: what is wrong is said of each field, and the contract says it from then on."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import Session

from catalog.entries import contracts as registry
from catalog.entries import resources, saving
from catalog.entries.resources import CYCLES, FORMATS, USES, InvalidEntry, Resource, ResourceCode
from catalog.identity.organizations import Body, Organization, bodies
from contracts.model import Contract
from contracts.odcs import loader

Faults = Mapping[str, tuple[str, str]]
"""What is wrong with each field, in Chinese and English."""
REVIEWED = ("registered", "published")
"""States in which an entry has all that the guide makes compulsory."""
ALWAYS = ("sharing_condition", "sharing_basis")
"""Fields that a sharing type asks for, in a draft too."""
METHODS = ("database", "file", "interface", "mail", "medium")
CATEGORIES = ("general", "important", "core")
EDITED: Mapping[str, str] = {
    "title_en": "titleEn",
    "abstract_en": "descriptionEn",
    "class_code": "classCode",
    "formats": "formats",
    "sharing": "sharingType",
    "sharing_condition": "sharingCondition",
    "sharing_basis": "sharingBasis",
    "sharing_uses": "sharingUses",
    "sharing_methods": "sharingMethods",
    "open": "openType",
    "open_condition": "openCondition",
    "cycle": "cycle",
    "related_codes": "relatedCodes",
    "category": "category",
}
"""Fields of an entry, and the contract's properties that say them; title, provider and abstract stand in ODCS itself."""


class WrongFields(InvalidEntry):
    """An entry with fields that break a rule; `faults` has each."""

    def __init__(self, name: str, faults: Faults) -> None:
        self.faults = faults
        super().__init__(
            f"「{name}」有 {len(faults)} 项不合编制指南：" + "；".join(zh for zh, _ in faults.values()),
            f"{len(faults)} items of {name} break the compilation guide: " + "; ".join(en for _, en in faults.values()),
        )


def edit(session: Session, resource: Resource, changes: Mapping[str, Any], *, by: str) -> Resource:
    """Change fields of an entry. Where a contract says them it says so in a next version, in force at once: one place only.

    Errors: WrongFields, WrittenByModel.
    """
    registry.require_written(session, resource.name)
    for name, value in changes.items():
        setattr(resource, name, value)
    with session.no_autoflush:  # nothing wrong reaches the database
        faults = wrong(session, resource)
    if faults:
        raise WrongFields(resource.title or resource.name, faults)
    if resource.code and "class_code" in changes:
        resource.code = resources.issue_code(session, resource, resource.class_code)
    try:
        contract = registry.active(session, resource.name)
    except registry.UnknownContract:
        return saving.save(session, resource)
    taken = {one.version for one in registry.versions(session, resource.name)}
    edited = _described(contract, resource, _free(contract.version, taken))
    registry.register(session, edited, by=by, origin="portal", state="draft")
    return resource


def wrong(session: Session, resource: Resource) -> Faults:
    """What is wrong with an entry. What it lacks counts once it was reviewed, condition and basis of sharing always."""
    faults = {field: (zh, en) for field, good, zh, en in _values(resource) if not good}
    provider = session.get(Organization, resource.provider_id)
    if provider is None or not provider.active:
        faults["provider_id"] = ("提供方没有登记或已停用", "the provider is not registered or no longer active")
    unknown = [code for code in resource.related_codes if session.get(ResourceCode, code) is None]
    if unknown:
        named = ", ".join(unknown)
        faults["related_codes"] = (f"目录中没有资源代码 {named}", f"the catalogue has no resource of code {named}")
    reviewed = resource.state in REVIEWED
    return faults | {field: why for field, why in lacking(resource).items() if reviewed or field in ALWAYS}


def lacking(resource: Resource) -> Faults:
    """What an entry still needs before it can be published."""
    return {field: (f"须填写{zh}", f"{en}: not filled in") for field, zh, en in resources.compulsory(resource)}


def providers(session: Session) -> list[Body]:
    """Organizations that may answer for data."""
    return bodies(session, active=True, by_name=True)


def _values(resource: Resource) -> list[tuple[str, bool, str, str]]:
    """Each field with a list or a form of values, whether its value is of it, and what is said if not."""
    one_of = "、".join
    return [
        ("title", bool(resource.title.strip()), "名称不能为空", "the title may not be empty"),
        (
            "class_code",
            not resource.class_code or (resources.is_class_code(resource.class_code) and resource.class_code[0] != "0"),
            "分类代码应为类 1 位、项 2 位、目 3 位、细目不限位的数字",
            "a class code is digits: class 1, item 2, subject 3, detail any",
        ),
        ("formats", set(resource.formats) <= set(FORMATS), "资源格式应为 1 至 7", "formats are codes 1 to 7"),
        ("sharing", resource.sharing in (1, 2, 3), "共享类型应为 1、2、3", "the sharing type is 1, 2 or 3"),
        ("sharing_uses", set(resource.sharing_uses) <= set(USES), f"用途应为{one_of(USES)}", "uses are those of the guide"),
        (
            "sharing_methods",
            set(resource.sharing_methods) <= set(METHODS),
            f"共享方式应为 {one_of(METHODS)}",
            f"methods are {', '.join(METHODS)}",
        ),
        ("open", resource.open in (0, 1, 2), "开放类型应为 0、1、2", "the open type is 0, 1 or 2"),
        (
            "open_condition",
            resource.open != 2 or bool(resource.open_condition.strip()),
            "有条件开放须写明条件",
            "opening on condition needs the condition",
        ),
        ("cycle", resource.cycle in CYCLES, f"更新周期应为{one_of(CYCLES)}之一", "the cycle is one of the guide's"),
        (
            "category",
            resource.category in CATEGORIES,
            "数据类别应为 general、important、core",
            "the category is general, important or core",
        ),
    ]


def _described(contract: Contract, resource: Resource, version: str) -> Contract:
    """The contract as it says what the entry says, under another version."""
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    document |= {"name": resource.title, "tenant": resource.provider_id, "version": version}
    document["description"] = {**(document.get("description") or {}), "purpose": resource.abstract}
    said = {EDITED[field]: getattr(resource, field) for field in EDITED}
    properties = {name: value for name, value in said.items() if value not in ("", [])}
    others = [one for one in document.get("customProperties", ()) if one["property"] not in said]
    document["customProperties"] = [*others, *({"property": name, "value": value} for name, value in properties.items())]
    return loader.parse(loader.dump(document), f"{contract.dataset}.odcs.yaml")


def _free(version: str, taken: Collection[str]) -> str:
    """The next minor version that nothing has."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return next(free for step in range(1, len(taken) + 2) if (free := f"{major}.{minor + step}.0") not in taken)
