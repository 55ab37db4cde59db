"""Two versions of a contract: what changed, what breaks, and why.

Additive: every row and reader that was right before stays right, and the table can be altered. Breaking: rows already loaded
could be wrong, or a reader would miss something; the dataset is rebuilt from landing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from contracts.model import Contract, Delivery, Item, RowRule, Type


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: kind (added, removed, changed), path of the part, and why it breaks or does not."""

    kind: str
    path: str
    breaking: bool
    why_zh: str
    why_en: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class ContractComparison:
    """All differences of two versions, breaking ones first."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> bool:
        """True where any change breaks."""
        return any(change.breaking for change in self.changes)

    @property
    def same(self) -> bool:
        """True where the two versions say the same."""
        return not self.changes

    def next_version(self, version: str) -> str:
        """The version that these changes ask for: major when breaking, minor when not."""
        major, minor, *_ = [int(part) for part in version.split(".")]
        if self.same:
            return version
        return f"{major + 1}.0.0" if self.breaking else f"{major}.{minor + 1}.0"


def compare(old: Contract, new: Contract) -> ContractComparison:
    """What changed from one version of a dataset's contract to another."""
    changes = [*_items(old, new), *_whole(old, new), *_rules(old, new), *_batch(old, new), *_catalogue(old, new)]
    return ContractComparison(tuple(sorted(changes, key=lambda c: (not c.breaking, c.path))))


def _items(old: Contract, new: Contract) -> Iterable[Change]:
    before = {item.name: item for item in old.items}
    after = {item.name: item for item in new.items}
    for name in before.keys() - after.keys():
        twin = _renamed(before[name], [after[n] for n in after.keys() - before.keys()])
        zh = f"，疑似改名为 {twin}" if twin else ""
        en = f", it looks renamed to {twin}" if twin else ""
        yield Change(
            "removed", name, True, f"删除信息项{zh}：使用者将读不到它", f"item removed{en}: readers will miss it", name
        )
    for name in after.keys() - before.keys():
        item = after[name]
        if item.required or item.key:
            zh, en = "新增必填项：以往交付没有它", "new required item: earlier deliveries do not have it"
        else:
            zh, en = "新增选填项：旧数据为空", "new optional item: empty in older rows"
        yield Change("added", name, bool(item.required or item.key), zh, en, "", str(item.type))
    for name in before.keys() & after.keys():
        yield from _item(before[name], after[name])
    shared = [n for n in before if n in after]
    if shared != [n for n in after if n in before]:
        yield Change(
            "changed", "schema.properties", False, "信息项次序改变：按名称读取不受影响", "items reordered: readers go by name"
        )


def _renamed(removed: Item, fresh: list[Item]) -> str | None:
    for item in fresh:
        if (
            item.title == removed.title
            or removed.name in item.source
            or (item.type is removed.type and item.sample and item.sample == removed.sample)
        ):
            return item.name
    return None


def _item(old: Item, new: Item) -> Iterable[Change]:
    yield from _type(old, new)
    yield from _flags(old, new)
    yield from _limits(old, new)
    for field, zh, en in _TOLD:
        a, b = getattr(old, field), getattr(new, field)
        if a != b:
            yield Change("changed", f"{old.name}.{field}", False, zh, en, _shown(a), _shown(b))


_TOLD = (
    ("title", "名称改变：只影响显示和文件列名", "title changed: it is shown, and a header that files may use"),
    ("title_en", "英文名称改变：只影响显示", "English title changed: it is only shown"),
    ("description", "说明改变：只影响显示", "description changed: it is only shown"),
    ("sample", "示例改变：只影响显示", "example changed: it is only shown"),
    ("grade", "分级改变：由授权决策重新判定", "grade changed: access is decided anew"),
    ("personal", "个人信息标记改变：由授权决策重新判定", "personal-data mark changed: access is decided anew"),
)


def _type(old: Item, new: Item) -> Iterable[Change]:
    a, b = _type_name(old), _type_name(new)
    if a != b:
        widened = _widened_decimal(old, new)
        yield Change(
            "changed",
            f"{old.name}.type",
            not widened,
            "类型放宽：原有数值都能存放" if widened else "类型改变：已存的值和使用者的程序都要改",
            "type widened: every value still fits" if widened else "type changed: stored values and readers must change",
            a,
            b,
        )
    for field in ("epoch", "timezone", "formats", "thousands", "missing"):
        yield from _spelling(field, old, new)


def _type_name(item: Item) -> str:
    exact = item.type is Type.NUMBER and item.precision is not None
    return f"{item.type}({item.precision},{item.scale})" if exact else str(item.type)


def _widened_decimal(old: Item, new: Item) -> bool:
    if old.precision is None or new.precision is None or old.scale is None or new.scale is None or old.type is not new.type:
        return False
    return new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale


def _spelling(field: str, old: Item, new: Item) -> Iterable[Change]:
    a, b = getattr(old, field), getattr(new, field)
    if a == b or old.type is not new.type:
        return
    if field == "formats" and old.formats and set(a) <= set(b) and list(b[: len(a)]) == list(a):
        yield Change(
            "changed",
            f"{old.name}.formats",
            False,
            "增加了写法：原写法仍可用",
            "formats added: old spellings still count",
            _shown(a),
            _shown(b),
        )
        return
    if field == "thousands" and b:
        yield Change(
            "changed",
            f"{old.name}.thousands",
            False,
            "允许千分位：原写法仍可用",
            "separators allowed: old spellings still count",
        )
        return
    zh, en = "读法改变：旧文件会读出不同的值", "read otherwise: older files would give other values"
    yield Change("changed", f"{old.name}.{field}", True, zh, en, _shown(a), _shown(b))


def _flags(old: Item, new: Item) -> Iterable[Change]:
    for field, tight, loose in (
        ("required", ("改为必填：已有空值", "now required: rows may be empty"), ("改为选填", "no longer required")),
        ("unique", ("改为唯一：已有数据可能重复", "now unique: rows may repeat"), ("不再要求唯一", "no longer unique")),
    ):
        a, b = getattr(old, field), getattr(new, field)
        if a != b:
            zh, en = tight if b else loose
            yield Change("changed", f"{old.name}.{field}", bool(b), zh, en, _shown(a), _shown(b))


def _limits(old: Item, new: Item) -> Iterable[Change]:
    for field, wider in _WIDER.items():
        a, b = getattr(old, field), getattr(new, field)
        if a == b:
            continue
        loose = wider(a, b) if a is not None else False
        loose = loose or b is None or b == ()
        yield Change(
            "changed",
            f"{old.name}.{field}",
            not loose,
            "放宽：原来合格的行仍合格" if loose else "收紧：原来合格的行可能不合格",
            "loosened: rows that were right stay right" if loose else "tightened: rows that were right may be wrong",
            _shown(a),
            _shown(b),
        )
    for field in ("exclusive_minimum", "exclusive_maximum"):
        if getattr(old, field) != getattr(new, field) and getattr(old, field[10:]) == getattr(new, field[10:]):
            strict = getattr(new, field)
            zh, en = (
                ("界限本身不再允许", "the bound itself is excluded now")
                if strict
                else ("界限本身改为允许", "the bound itself is allowed now")
            )
            yield Change("changed", f"{old.name}.{field}", strict, zh, en)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _below(a: str, b: str) -> bool:
    """True where bound b lies below a; bounds of one kind only (numbers, or ISO dates, which sort as text)."""
    x, y = _number(a), _number(b)
    if x is not None and y is not None:
        return y < x
    return x is None and y is None and "today" not in (a, b) and "now" not in (a, b) and b < a


Wider = Callable[[Any, Any], bool]
_WIDER: dict[str, Wider] = {
    "min_length": lambda a, b: b is not None and b < a,
    "max_length": lambda a, b: b is not None and b > a,
    "minimum": lambda a, b: b is not None and _below(a, b),
    "maximum": lambda a, b: b is not None and (_below(b, a) or (a, b) == ("today", "now")),
    "pattern": lambda a, b: b is None,
    "multiple_of": lambda a, b: b is None or a % b == 0,
    "values": lambda a, b: bool(a) and set(a) <= set(b),
    "code_list": lambda a, b: b is None,
    "references": lambda a, b: b is None,
    "format": lambda a, b: b is None,
    "datum": lambda a, b: False,
    "unit": lambda a, b: False,
    "bounds": lambda a, b: b is None or (b[0] <= a[0] and a[1] <= b[1]),
}
"""For each limit of an item, whether the new one lets through everything that the old one did."""


def _whole(old: Contract, new: Contract) -> Iterable[Change]:
    if old.dataset != new.dataset:
        yield Change(
            "changed",
            "schema.name",
            True,
            "表名改变：使用者将读不到它",
            "table renamed: readers will miss it",
            old.dataset,
            new.dataset,
        )
    if old.key != new.key:
        zh, en = "主键改变：记录的身份不同了", "key changed: records have another identity"
        yield Change("changed", "key", True, zh, en, ", ".join(old.key), ", ".join(new.key))
    if old.delivery is not new.delivery:
        yield Change("changed", "delivery", True, *_delivery(old.delivery, new.delivery), old.delivery, new.delivery)
    if old.version_by != new.version_by:
        zh, en = "先后依据改变：旧文件的取舍会不同", "versionBy changed: older files would be weighed otherwise"
        yield Change("changed", "versionBy", True, zh, en, old.version_by or "", new.version_by or "")
    for field, zh, en in (
        ("title", "名称改变：只影响显示", "title changed: it is only shown"),
        ("title_en", "英文名称改变：只影响显示", "English title changed: it is only shown"),
        ("description", "摘要改变：只影响显示", "abstract changed: it is only shown"),
        ("description_en", "英文摘要改变：只影响显示", "English abstract changed: it is only shown"),
        ("owner", "提供方改变：由目录管理", "provider changed: the catalogue's matter"),
        ("status", "状态改变", "status changed"),
        ("reading", "文件读法改变：只影响以后的交付", "reading changed: for later deliveries"),
    ):
        a, b = getattr(old, field), getattr(new, field)
        if a != b:
            yield Change("changed", field, False, zh, en, _shown(a), _shown(b))


def _delivery(old: Delivery, new: Delivery) -> tuple[str, str]:
    return (
        f"交付方式由 {old} 改为 {new}：同样的文件会得出不同的表",
        f"delivery changed from {old} to {new}: the same files make another table",
    )


def _rules(old: Contract, new: Contract) -> Iterable[Change]:
    before: dict[str, RowRule] = {rule.name: rule for rule in old.row_rules}
    after: dict[str, RowRule] = {rule.name: rule for rule in new.row_rules}
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name), after.get(name)
        if a is None and b is not None:
            zh, en = "新增行规则：原来合格的行可能不合格", "new row rule: rows that were right may be wrong"
            yield Change("added", f"quality.{name}", True, zh, en, "", b.expression)
        elif b is None and a is not None:
            yield Change("removed", f"quality.{name}", False, "取消行规则：放宽", "row rule removed: loosened", a.expression)
        elif a is not None and b is not None and a.expression != b.expression:
            zh, en = "行规则改变：原来合格的行可能不合格", "row rule changed: rows that were right may be wrong"
            yield Change("changed", f"quality.{name}", True, zh, en, a.expression, b.expression)


def _batch(old: Contract, new: Contract) -> Iterable[Change]:
    for field in ("min_rows", "max_rows", "freshness_item", "freshness", "vanish_share", "quarantine_share"):
        a, b = getattr(old.batch_rules, field), getattr(new.batch_rules, field)
        if a != b:
            zh, en = "批次规则改变：只影响以后的交付", "rule of a delivery changed: for later deliveries"
            yield Change("changed", f"batch.{field}", False, zh, en, _shown(a), _shown(b))


_ELSEWHERE = {"titleEn", "descriptionEn", "delivery", "versionBy", "vanishShare", "quarantineShare", "reading"}


def _catalogue(old: Contract, new: Contract) -> Iterable[Change]:
    for name in sorted((old.catalogue.keys() | new.catalogue.keys()) - _ELSEWHERE):
        a, b = old.catalogue.get(name), new.catalogue.get(name)
        if a != b:
            zh, en = "目录信息改变：数据不受影响", "catalogue entry changed: the data is not touched"
            yield Change("changed", f"customProperties.{name}", False, zh, en, _shown(a), _shown(b))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
