"""Information items as rows: type as item 8 writes it, constraints, rules in words, a sample under the reader's right."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlmodel import Session

from api.portal.shell.page import Page
from api.portal.wording.formats import number
from api.portal.wording.i18n import Language, say
from api.portal.wording.labels import PERSONAL
from catalog.access import Decision
from catalog.entries import codes
from catalog.entries.resources import national_type
from contracts.checks import pattern_words
from contracts.checks.compile import RowCheck
from contracts.checks.compile import compile as checks_of
from contracts.checks.formats.coordinate import Coordinate, bounds
from contracts.model import Contract, Item, Type
from contracts.view import Mask, View


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item for a table."""

    order: int
    item: Item
    type: str
    constraints: tuple[str, ...]
    rules: tuple[str, ...]
    pattern: str
    sample: str
    mask: str
    """Why the sample is not shown whole; empty where it is."""
    open: bool
    """Whether the reader's view holds the item."""


def rows(session: Session, page: Page, contract: Contract | None, decision: Decision) -> list[ItemRow]:
    """Every item of the contract, in its order."""
    if contract is None:
        return []
    view = decision.view if decision.allowed else None
    return [_row(session, page.language, order, item, view) for order, item in enumerate(contract.items, start=1)]


def highest(contract: Contract | None, grade: str) -> list[Item]:
    """The items that decide a resource's grade; none where all are alike."""
    if contract is None or all(item.grade == grade for item in contract.items):
        return []
    return [item for item in contract.items if item.grade == grade]


def row_rules(page: Page, contract: Contract | None) -> list[tuple[str, str]]:
    """Rules over several items of a row, and over a delivery: what is asked, and the expression."""
    if contract is None:
        return []
    at = 0 if page.language == "zh" else 1
    return [(check.heading[at], check.row_rule.expression) for check in checks_of(contract) if isinstance(check, RowCheck)]


def _row(session: Session, language: Language, order: int, item: Item, view: View | None) -> ItemRow:
    sample, mask = shown_sample(language, item, view)
    constraints = []
    if item.key:
        constraints.append(say(language, "主键"))
    elif item.unique:
        constraints.append(say(language, "唯一"))
    if item.required and not item.key:
        constraints.append(say(language, "必填"))
    return ItemRow(
        order=order,
        item=item,
        type=national_type(item),
        constraints=tuple(constraints),
        rules=tuple(_rules(session, language, item)),
        pattern="" if pattern_words.words(item.pattern or "") else item.pattern or "",
        sample=sample,
        mask=mask,
        open=view is None or item.name in view.items,
    )


def _rules(session: Session, language: Language, item: Item) -> list[str]:
    found: list[str] = [say(language, "计量单位 %(unit)s", unit=item.unit)] if item.unit else []
    if isinstance(item.format, Coordinate):
        low, high = bounds(item)
        datum = f"{item.datum} " if item.datum else ""
        found.append(say(language, "%(datum)s%(low)s 至 %(high)s 度", datum=datum, low=f"{low:g}", high=f"{high:g}"))
    elif item.format:
        found.append(item.format.summary[0 if language == "zh" else 1])
    if item.pattern and (told := pattern_words.words(item.pattern)):
        found.append(told[0 if language == "zh" else 1])
    if item.code_list and not (item.format and item.format.choices == item.code_list):
        found.append(_code_list(session, language, item.code_list))
    if item.values:
        found.append(say(language, "限 %(values)s", values=say(language, "、").join(item.values[:6])))
    if item.references:
        found.append(say(language, "须见于 %(dataset)s", dataset=".".join(item.references)))
    found += _bounds(language, item)
    if item.personal:
        kind = PERSONAL.get(item.personal)
        found.append(say(language, "个人信息") + (say(language, "：%(kind)s", kind=say(language, kind)) if kind else ""))
    return found


def _code_list(session: Session, language: Language, name: str) -> str:
    known = session.get(codes.CodeList, name)
    title = ((known.title_en if language == "en" else "") or known.title) if known else name
    return say(language, "%(title)s（%(count)s）", title=title, count=number(len(codes.values(session, name, ()))))


def _bounds(language: Language, item: Item) -> list[str]:
    moments = {"today": say(language, "收到当日"), "now": say(language, "收到时刻")}
    low = moments.get(item.minimum or "", item.minimum)
    high = moments.get(item.maximum or "", item.maximum)
    dated = item.type in (Type.DATE, Type.TIMESTAMP)
    found = []
    if low is not None:
        found.append(say(language, "不早于%(day)s", day=low) if dated else _bound(">" if item.exclusive_minimum else "≥", low))
    if high is not None:
        found.append(
            say(language, "不晚于%(day)s", day=high) if dated else _bound("<" if item.exclusive_maximum else "≤", high)
        )
    if item.min_length and item.min_length == item.max_length:
        found.append(say(language, "%(count)s 个字符", count=item.min_length))
    return found


def _bound(sign: str, bound: str) -> str:
    """A bound as numbers are written here, with commas."""
    whole, point, rest = bound.partition(".")
    return f"{sign} {int(whole):,}{point}{rest}" if whole.lstrip("-").isdigit() else f"{sign} {bound}"


def shown_sample(language: Language, item: Item, view: View | None) -> tuple[str, str]:
    """The contract's sample as far as the reader may see the item: itself, or a mask and why."""
    if not item.sample:
        return "", ""
    mask = view.masks.get(item.name) if view else None
    if view is not None and item.name in view.items and mask is None:
        return item.sample, ""
    return masked(item.sample, item.type, mask), why(language, item, mask)


def masked(sample: str, kind: Type, mask: Mask | None) -> str:
    """What the mask leaves of a sample, as of a value (serving.view_sql): a number rounded, the beginning of a text."""
    if mask is None or mask.kind != "truncate":
        return "••••"
    if kind in (Type.NUMBER, Type.INTEGER):
        try:
            return f"{round(Decimal(sample), mask.keep):f}"
        except ArithmeticError:
            return "••••"
    begun = sample[: max(mask.keep, 0)] if kind is Type.STRING else ""
    return f"{begun}••••" if len(begun) < len(sample) else "••••"


def why(language: Language, item: Item, mask: Mask | None) -> str:
    """Why a value is not shown whole."""
    if mask is not None and mask.kind == "truncate" and item.type in (Type.NUMBER, Type.INTEGER):
        return say(language, "精度降至 %(step)s", step=f"{10**-mask.keep:g}" + ("°" if item.datum else ""))
    if mask is not None and mask.kind == "hash":
        return say(language, "已替换为摘要")
    return say(language, "遮蔽")
