"""Amounts with words in their cells: 1.5万, ≥50, 约300, 12吨, １２０. They stay text; what they could become is proposed."""

from __future__ import annotations

import re

from contracts.inference.guess import Guess
from contracts.inference.profile import ColumnProfile
from contracts.model import Type

NUMBER = r"[0-9０-９]+(?:[,，][0-9０-９]{3})*(?:[.．][0-9０-９]+)?"
MULTIPLIERS = "[十百千万亿]"
UNITS = (
    "元|吨|公斤|千克|克|斤|米|公里|千米|厘米|毫米|平方米|平方公里|立方米|公顷|亩|升|毫升|度|千瓦|千瓦时|人|户|个|台|套|辆|件|只|头|次|天|小时|分钟|"
    "㎡|m²|m³|km|cm|mm|kg|t|m|g|L|℃|%|％|‰"
)
FORMS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("带限定词（≥、约、以上）", "with a qualifier (≥, 约, 以上)", re.compile(
        rf"(?:[≥≤><＞＜~～±]|>=|<=|约|近|超过?|不足|大于|小于|至少|至多|达)\s*{NUMBER}.*|{NUMBER}.*(?:以上|以下|左右|余|多|\+)")),
    ("范围", "ranges", re.compile(rf"{NUMBER}\s*(?:-|—|–|~|～|至|到)+\s*{NUMBER}.*")),
    ("带倍数（万、亿）", "with a multiplier (万, 亿)", re.compile(rf"{NUMBER}\s*{MULTIPLIERS}+\s*(?:{UNITS})?")),
    ("带单位", "with a unit", re.compile(rf"[￥¥$]?\s*{NUMBER}\s*(?:{UNITS})|[￥¥$]\s*{NUMBER}")),
    ("全角数字", "in full-width digits", re.compile(r"(?=.*[０-９])[0-9０-９,，.．]+")),
    ("以空格分节", "grouped by blanks", re.compile(r"[0-9]{1,3}(?:[ \u00a0\u3000][0-9]{3})+(?:\.[0-9]+)?")),
    ("千分位", "with thousands separators", re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")),
    ("会计负数", "negative in brackets or with the sign behind", re.compile(
        r"[(（][0-9]{1,3}(?:,?[0-9]{3})*(?:\.[0-9]+)?[)）]|[0-9]+(?:\.[0-9]+)?-")),
    ("数字", "plain numbers", re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")),
)  # fmt: skip
"""Forms of an amount, the most special first."""
MOSTLY = 0.6
PERIOD = re.compile(r"[0-9]{4}[-—–/.年](?:[0-9]{1,2}|Q[1-4]|[0-9]{4})(?![0-9]).*")
"""2024-01, 2024-01-05 and 2024-2025: months, days and years, no ranges of amounts."""


def propose(guess: Guess, column: ColumnProfile) -> None:
    """Tell which forms of an amount a text column has, in how many rows, and propose to split them."""
    if guess.type is not Type.STRING or guess.personal or not column.top or column.share("identity_number"):
        return
    counts = [0] * len(FORMS)
    seen = 0
    for value, rows in column.top:
        seen += rows
        place = next((n for n, (_, _, form) in enumerate(FORMS) if form.fullmatch(value.strip())), None)
        if place is not None:
            counts[place] += rows
    odd = sum(counts[:6]) + counts[7]
    if all(PERIOD.fullmatch(value.strip()) for value, _ in column.top):
        return
    if not odd or sum(counts) < MOSTLY * seen:
        return
    exact = "" if seen == column.filled else f"（按最常见的 {len(column.top)} 种值统计）"
    exact_en = "" if seen == column.filled else f" (of the {len(column.top)} commonest values)"
    listed = "、".join(f"{zh} {rows} 行" for rows, (zh, _, _) in zip(counts, FORMS, strict=True) if rows)
    listed_en = ", ".join(f"{rows} rows {en}" for rows, (_, en, _) in zip(counts, FORMS, strict=True) if rows)
    guess.say(
        f"像数量但写法不一{exact}：{listed}；按文本保存，建议请提供方拆为数值、单位、限定三列",
        f"amounts in several forms{exact_en}: {listed_en}; kept as text; "
        "ask for number, unit and qualifier in columns of their own",
    )
