"""Units of measure of a table's numbers: in brackets of a header, in a row of their own, or in a line above the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from contracts.inference.evidence import Evidence
from contracts.inference.guess import Guess, is_code_name
from contracts.model import Type

_COUNTED = (
    "个|人|人次|户|户次|起|家|座|处|台|辆|套|件|次|项|条|张|份|头|只|羽|株|棵|艘|架|所|间|例|宗|栋|幢|名|位|把|册|卷|床|枚|支|根|包|箱|批|类|村|班|车次|"
    "台套|标段|年|岁|月|天|日|小时|分钟|秒|工日"
)
_MONEY = "元|美元|欧元|日元|港元|港币|人民币元"
_MEASURED = (
    "吨|公斤|千克|克|毫克|微克|斤|市斤|两|升|毫升|立方米|立方公里|立方千米|立方|方|平方米|平方公里|平方千米|平方|亩|公顷|米|千米|公里|厘米|毫米|微米|海里|"
    "延米|度|千瓦时|兆瓦时|千瓦|兆瓦|瓦|千伏|千伏安|伏|安|帕|百帕|千帕|兆帕|焦|千焦|百万千焦|摄氏度|分贝|标准立方米|标准煤|吨标准煤|吨标煤|吨公里|人公里"
)
_LATIN = (
    r"mm|cm|dm|k?m[²³23]?|hm[²2]|ha|[kmMμµu]?g|t|m?[Ll]|[kMG]?Wh?|[kMm]?[VA]|kVA|[hkM]?Pa|[kMG]?J|[kMG]?Hz|dB|s|min|h|pp[mb]"
    r"|CNY|RMB|USD|[℃°㎜㎝㎞㎡㎥]|°C|个百分点|[%％‰]"
)
_NAMED = rf"(?:百|千)?(?:[万亿])?(?:{_COUNTED}|{_MONEY}|{_MEASURED})|(?:[百千]?万|亿)?(?:{_LATIN})"
UNIT = re.compile(rf"(?:{_NAMED})(?:[/／·每](?:{_NAMED}))*|[百千]?万|亿")
"""A unit as tables write it: 万元, 人次, 元/吨, m³/s, %, 公顷."""
LINE = re.compile(r"[（(【\[]?\s*(?:计量|数量|金额|货币|面积|重量|数据)?单位\s*[:：]\s*([^:：]{1,40}?)\s*[）)】\]]?")
"""A line above a table that says its unit; 填报单位：某局 names a body."""
BETWEEN = re.compile(r"[、，,;；\s]+|和|及")
BRACKET = re.compile(r"[（(\[【]\s*([^（()）\[\]【】]{1,14}?)\s*[)）\]】]")
SHARE = re.compile(r"[%％‰]|个百分点")
MONEY = re.compile(rf"[百千]?[万亿]?(?:{_MONEY})")
RATE = re.compile(r"率|比|指数|系数|增[长减幅速]|幅度|密度|名次|排名|位次|序号|[Rr]ate|[Rr]atio|[Ii]ndex")
"""Names whose numbers have no unit of the table's, or their own."""
_WHEN = "年份?|年度|月份?"
PERIOD = re.compile(rf"(?:^|[^本上去今当同\d])(?:{_WHEN})$|日期$|时间$|期[数号次]$|(?i:year|month|date)$")
"""Names of columns that say when; 本年 and 2023年 stand over what was measured then."""
LASTING = frozenset({"年", "月", "日", "班", "村", "类", "方", "度"})
"""Units that behind a stroke more likely say per what: 产量/年."""
COUNT = re.compile(r"数$|人口$|[户人家个]数")


def is_unit(word: str) -> bool:
    """Whether a word is a unit and nothing else."""
    return bool(UNIT.fullmatch("".join(word.split())))


def of_name(name: str) -> str:
    """The unit that a column's name has: 面积(公顷), 产值/万元 (a row of units below the names), 金额（万元）/本年; or none."""
    for said in reversed(BRACKET.findall(name)):
        if is_unit(said):
            return "".join(said.split())
    parts = name.split("/")
    for first in range(1, len(parts)):
        if is_unit(tail := "/".join(parts[first:])) and tail not in LASTING:
            return "".join(tail.split())
    return ""


def of_lines(above: Sequence[str]) -> tuple[str, ...]:
    """The units that the cells above a table say, 单位：万元 or 单位：起、人、万元; none where they say no unit."""
    for cell in reversed(above):
        said = LINE.fullmatch(" ".join(cell.split()))
        words = [word for word in BETWEEN.split(said[1]) if word] if said else []
        if words and all(map(is_unit, words)):
            return tuple(words)
    return ()


def give(guesses: Sequence[Guess], above: Sequence[str]) -> list[Evidence]:
    """Write the unit of each column of numbers down; told where the line above the table leaves open which column has which."""
    for guess in guesses:
        if _has_unit(guess) and (own := of_name(guess.source)):
            _give(guess, own, ("列名", "its name"))
    units = of_lines(above)
    if not units:
        return []
    shares = [unit for unit in units if SHARE.fullmatch(unit)]
    others = [unit for unit in units if unit not in shares]
    open_ = [guess for guess in guesses if _has_unit(guess) and not guess.unit]
    if len(shares) == 1:
        for guess in open_:
            if RATE.search(guess.source) and re.search("率|比|增|幅|[Rr]at", guess.source):
                _give(guess, shares[0], ("表头之上的单位行", "the line above the table"))
    rest = [g for g in open_ if not g.unit and not RATE.search(g.source) and not PERIOD.search(g.source.rpartition("/")[2])]
    if len(others) == 1:
        for guess in rest:
            if not (MONEY.fullmatch(others[0]) and COUNT.search(guess.source)):
                _give(guess, others[0], ("表头之上的单位行", "the line above the table"))
        return []
    groups = list(_groups(rest))
    if others and len(groups) == len(others):
        for unit, group in zip(others, groups, strict=True):
            for guess in group:
                _give(guess, unit, ("表头之上的单位行，按列的顺序", "the line above the table, in the order of the columns"))
        return []
    listed = "、".join(units)
    zh = f"表头之上的单位行写有 {len(units)} 种单位（{listed}），看不出各列用哪一种，未记入；请在契约中补 unit"
    en = f"the line above the table names {len(units)} units ({listed}), not which column has which: write unit in the contract"
    return [Evidence(zh, en)] if others else []


def _give(guess: Guess, unit: str, by: tuple[str, str]) -> None:
    guess.unit = unit
    guess.say(f"单位 {unit}（见{by[0]}）", f"unit {unit} (by {by[1]})")


def _has_unit(guess: Guess) -> bool:
    """Whether a column is a quantity: no text, no code, no coordinate."""
    number = guess.type in (Type.INTEGER, Type.NUMBER) and not guess.format and guess.key is None
    return number and not is_code_name(guess)


def _groups(guesses: Sequence[Guess]) -> Iterator[list[Guess]]:
    """Columns under one name of the header's first level together."""
    for _, group in groupby(guesses, key=lambda guess: guess.source.partition("/")[0]):
        yield list(group)
