"""Resources: the catalogue's entries with the thirteen items of the 2017 compilation guide."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum, StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime, new_id, no_items
from catalog.store.counters import next_number
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Item, Type

CYCLES = ("实时", "每日", "每周", "每月", "每季度", "每半年", "每年", "不定期")
USES = ("行政依据", "工作参考", "数据校核", "业务协同")
FORMATS = {1: "电子文件", 2: "电子表格", 3: "数据库", 4: "图形图像", 5: "流媒体", 6: "自描述格式", 7: "服务接口"}


class Sharing(IntEnum):
    """共享类型."""

    UNCONDITIONAL = 1
    CONDITIONAL = 2
    NOT_SHARED = 3


class Library(StrEnum):
    """Where a dataset's table stands; also its schema in the lake."""

    RESOURCE = "resource"
    THEME = "theme"
    TOPIC = "topic"


class Route(StrEnum):
    """How data comes: 要, 买, 采; a derived resource comes by none."""

    REQUEST = "request"
    BUY = "buy"
    COLLECT = "collect"
    DERIVED = "derived"


class Resource(SQLModel, table=True):
    """A catalogue entry. Items (8) are read from the active contract and never kept twice."""

    __table_args__ = (
        Index("ix_resource_next_due_title", "next_due", "title"),
        Index("ix_resource_library_name", "library", "name"),
        Index("ix_resource_name_folded", text("lower(name)")),
    )

    id: str = Field(primary_key=True, default_factory=new_id)
    name: str = Field(unique=True, index=True, description="Machine name; for a dataset its table's name.")
    kind: str = Field(default="dataset", description="dataset, service, files, video-channel or model")
    library: str = Field(default=Library.RESOURCE, index=True)
    route: str = Field(default=Route.REQUEST, index=True)
    class_code: str = Field(default="", index=True, description="(1) class code: 类 1, 项 2, 目 3, 细目 variable digits")
    title: str = Field(index=True, description="(2)")
    title_en: str = ""
    code: str = Field(default="", index=True, description="(3) class code / sequence, issued at registration")
    provider_id: str = Field(foreign_key="organization.id", index=True, description="(4), (5) through the organization")
    abstract: str = Field(default="", description="(6)")
    abstract_en: str = ""
    formats: list[int] = Field(default_factory=no_items, sa_type=Json, description="(7) codes 1 to 7")
    sharing: int = Field(default=Sharing.CONDITIONAL, index=True, description="(9) type")
    sharing_condition: str = ""
    sharing_basis: str = ""
    sharing_uses: list[str] = Field(
        default_factory=no_items, sa_type=Json, description="行政依据, 工作参考, 数据校核, 业务协同"
    )
    sharing_methods: list[str] = Field(
        default_factory=no_items, sa_type=Json, description="database, file, interface, mail, medium"
    )
    open: int = Field(default=0, description="(10) 0 no, 1 yes, 2 on condition")
    open_condition: str = ""
    cycle: str = Field(default="不定期", index=True, description="(11) 实时 每日 每周 每月 每季度 每半年 每年 不定期")
    published_on: date | None = Field(default=None, description="(12)")
    related_codes: list[str] = Field(default_factory=no_items, sa_type=Json, description="(13)")
    grade: str = Field(default="L1", index=True, description="L1 to L4; the strictest item decides")
    category: str = Field(default="general", description="general, important or core (GB/T 43697-2024)")
    steward_id: str | None = Field(default=None, foreign_key="person.id")
    state: str = Field(default="published", index=True, description="draft, registered, published, withdrawn")
    rows: int = Field(default=0, description="Rows now in its table, brought up to date after each load or model run")
    bytes: int = 0
    quality: float | None = Field(default=None, description="Score 0 to 100 of the last check")
    last_version: int = Field(default=0, description="Number of the last release, recalled ones included")
    updated_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True, description="Data last changed")
    next_due: date | None = Field(default=None, description="By when the cycle wants new data")
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class ResourceCode(SQLModel, table=True):
    """One code of a resource; it may have several, one for each class."""

    code: str = Field(primary_key=True)
    class_code: str = Field(index=True)
    sequence: int
    resource_id: str = Field(foreign_key="resource.id", index=True)


class UnknownResource(HubError):
    """No resource of that name, or none that the subject may know of."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"目录中没有「{name}」；用搜索查找，或核对资源代码。",
            f"The catalogue has no {name!r}; search for it, or check its code.",
        )


class InvalidEntry(HubError):
    """An entry that breaks a rule of the compilation guide."""


class WrongState(HubError):
    """A step that the entry's state does not allow."""


STEPS: Mapping[str, tuple[str, ...]] = {
    "draft": ("registered",),
    "registered": ("published", "draft"),
    "published": ("withdrawn",),
    "withdrawn": ("draft",),
}
"""draft → registered → published → withdrawn, with a way back to draft (catalogue-rules.md, Workflow)."""


def filled(session: Session, limit: int) -> Sequence[Resource]:
    """Resources that hold rows, by library and name."""
    query = select(Resource).where(col(Resource.rows) > 0).order_by(col(Resource.library), col(Resource.name))
    return session.exec(query.limit(limit)).all()


def get(session: Session, name: str) -> Resource:
    """The resource of that machine name, code or identifier."""
    resource = session.exec(select(Resource).where(Resource.name == name)).first()
    if resource is None and "/" in name:
        resource = session.exec(select(Resource).join(ResourceCode).where(ResourceCode.code == name)).first()
    resource = resource or session.get(Resource, name)
    if resource is None:
        raise UnknownResource(name)
    return resource


def codes_of(session: Session, resource: Resource) -> Sequence[ResourceCode]:
    """Every code of a resource, the one of its own class first."""
    statement = select(ResourceCode).where(ResourceCode.resource_id == resource.id).order_by(col(ResourceCode.code))
    return sorted(session.exec(statement).all(), key=lambda code: code.code != resource.code)


def issue_code(session: Session, resource: Resource, class_code: str) -> str:
    """The resource's code in a class: class code, `/`, a sequence number unique within the class.

    A resource has at most one code in a class; asking again gives the same one (编制指南 2017: 信息资源代码).
    """
    if not is_class_code(class_code):
        raise InvalidEntry(
            f"分类代码「{class_code}」无效：类 1 位、项 2 位、目 3 位、细目若干位数字。",
            f"Class code {class_code!r} is not valid: digits, 1 for 类, 2 more for 项, 3 more for 目, any number for 细目.",
        )
    for known in codes_of(session, resource):
        if known.class_code == class_code:
            return known.code
    sequence = next_number(session, f"code:{class_code}")
    code = ResourceCode(code=f"{class_code}/{sequence:06d}", class_code=class_code, sequence=sequence, resource_id=resource.id)
    session.add(code)
    session.flush()
    return code.code


def national_type(item: Item) -> str:
    """An item's data type and length as the 2017 guide writes it: C(18), N(8,2), D, T, B, I."""
    letters = {Type.INTEGER: "I", Type.BOOLEAN: "B", Type.DATE: "D", Type.TIMESTAMP: "T", Type.TIME: "T"}
    if item.type in letters:
        return letters[item.type]
    if item.type is Type.NUMBER:
        return f"N({item.precision},{item.scale})" if item.precision else "N"
    return f"C({item.max_length})" if item.max_length else "C"


def is_class_code(code: str) -> bool:
    """Whether it is written as a class code is: 类 1 digit, 项 2 more, 目 3 more, 细目 any number."""
    return re.fullmatch(r"[0-9]|[0-9]{3}|[0-9]{6,}", code) is not None


def missing(resource: Resource) -> list[tuple[str, str]]:
    """What the guide makes compulsory and an entry lacks: names in Chinese and English."""
    return [(zh, en) for _, zh, en in compulsory(resource)]


def compulsory(resource: Resource) -> list[tuple[str, str, str]]:
    """What the guide makes compulsory (items 1, 2, 4, 6, 7, 9, 10, 11) and an entry lacks: field and its two names."""
    wanted = (
        ("class_code", "信息资源分类", "class code", resource.class_code),
        ("title", "信息资源名称", "title", resource.title),
        ("abstract", "信息资源摘要", "abstract", resource.abstract),
        ("formats", "信息资源格式", "formats", resource.formats),
        ("sharing_uses", "共享用途", "sharing uses", resource.sharing_uses or resource.sharing == Sharing.NOT_SHARED),
        (
            "sharing_condition",
            "共享条件",
            "sharing condition",
            resource.sharing_condition or resource.sharing != Sharing.CONDITIONAL,
        ),
        (
            "sharing_basis",
            "不予共享的依据",
            "basis for not sharing",
            resource.sharing_basis or resource.sharing != Sharing.NOT_SHARED,
        ),
    )
    return [(field, zh, en) for field, zh, en, value in wanted if not value]


def require_complete(resource: Resource) -> None:
    """Refuse an entry that lacks what the guide makes compulsory."""
    lacks = missing(resource)
    if lacks:
        named = "、".join(zh for zh, _ in lacks)
        raise InvalidEntry(
            f"「{resource.title or resource.name}」缺少必填项：{named}；请在目录条目的编辑页或契约的 customProperties 中补充。",
            f"{resource.name} lacks {', '.join(en for _, en in lacks)}; add them to its entry (hub entry edit), or under "
            "customProperties of its contract.",
        )


def kept_back(session: Session, names: Collection[str]) -> dict[str, InvalidEntry]:
    """Why entries of these datasets are drafts still: what the guide makes compulsory and their contracts do not say."""
    incomplete: dict[str, InvalidEntry] = {}
    for resource in session.exec(select(Resource).where(col(Resource.name).in_(names), Resource.state == "draft")):
        try:
            require_complete(resource)
        except InvalidEntry as error:
            incomplete[resource.name] = error
    return incomplete


def check(resource: Resource) -> None:
    """Refuse values outside the guide's lists."""
    problems = [
        (resource.cycle in CYCLES, f"更新周期「{resource.cycle}」应为 {'、'.join(CYCLES)} 之一", f"cycle {resource.cycle!r}"),
        (resource.sharing in (1, 2, 3), f"共享类型「{resource.sharing}」应为 1、2、3", f"sharing type {resource.sharing!r}"),
        (resource.open in (0, 1, 2), f"开放类型「{resource.open}」应为 0、1、2", f"open type {resource.open!r}"),
        (set(resource.formats) <= set(FORMATS), f"资源格式「{resource.formats}」应为 1 至 7", f"formats {resource.formats!r}"),
        (resource.grade in ("L1", "L2", "L3", "L4"), f"分级「{resource.grade}」应为 L1 至 L4", f"grade {resource.grade!r}"),
    ]
    for good, zh, en in problems:
        if not good:
            raise InvalidEntry(f"「{resource.name}」：{zh}。", f"{resource.name}: {en} is outside the guide's list of values.")
