"""What messages are made of: the item as people call it, the value as received, one sentence of both."""

from __future__ import annotations

from contracts.checks.rules.base import BatchCheck, Check, ItemCheck, SetCheck
from contracts.model import Said


def shown(value: str | None, limit: int = 60) -> str:
    """A received value as a person may read it in one line."""
    if value is None:
        return "空"
    line = " ".join(value.split("\n")).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def received(check: Check, value: str) -> Said:
    """A received value in quotes; of personal data its length only."""
    if check.private:
        return f"一个 {len(value)} 个字符的值（受保护，不显示）", f"a value of {len(value)} characters (guarded, not shown)"
    return f"“{shown(value)}”", f"“{shown(value)}”"


def named(check: ItemCheck | SetCheck | BatchCheck) -> Said:
    """The item of a check as people call it; the row where there is none."""
    item = check.of
    if item is None:
        return "整行", "the row"
    return item.title or item.name, item.title_en or item.name


def sentence(check: ItemCheck | SetCheck, value: str | None, wants: Said, remedy: Said) -> Said:
    """What is asked of the item; with a value also what was received, and what to do."""
    zh, en = named(check)
    if value is None:
        return f"“{zh}”{wants[0]}", f"{en} {wants[1]}"
    return (
        f"“{zh}”{wants[0]}，收到{received(check, value)[0]}；{remedy[0]}。",
        f"{en} {wants[1]}, received {received(check, value)[1]}; {remedy[1]}.",
    )


def some(values: tuple[str, ...], limit: int) -> Said:
    """The first of several values, as Chinese and as English lists them."""
    more = "…" if len(values) > limit else ""
    return "、".join(values[:limit]) + more, ", ".join(values[:limit]) + more


def asks_by_heading(check: Check, value: str | None) -> Said:
    """The heading says it all."""
    return check.heading
