"""Lines of a text that may be no record, found at the speed of memory: most texts have none and are not read line by line.

The words alone say little (校 begins names of schools, 报 those of papers): whoever asks judges the lines (`asides.Sieve`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANK = "(?:[ \\t]|\u3000){0,20}"
"""Bounded: a line may be a million tabs."""
GAP = "(?:[ \\t._-]|\u3000|…|—|·){0,20}"
SUMS = re.compile(rf"(?:合|总|小|共|總|累){GAP}(?:计|計)(?:(?:（|\()[^\n]{{0,30}})?(?:：|:)?{BLANK}[\",;|\t\r\n^]".encode())
CHINESE = (
    *(
        "其中",
        "总和",
        "均值",
        "平均",
        "示例",
        "样例",
        "范例",
        "（示例",
        "(示例",
        "例：",
        "例:",
        "例如",
        "填",
        "制表",
        "制单",
        "审",
    ),
    *("复核", "校", "经办", "负责", "单位负责", "分管", "主管", "联系", "报", "统计", "盖章", "签", "编制", "打印", "导出"),
    *("最大", "最小", "最高", "最低", "中位数", "本年", "本月", "本季", "累计"),
    *("数据来源", "资料来源", "说明", "說明", "备注：", "备注:", "附注", "注：", "注:", "一、", "二、", "三、", "四、", "五、"),
)
CHINESE_FORMS = {
    "、": "\\d{1,2}、",
    "）": "\\d{1,2}）",
    "平均": "全.{1,12}平均",
    "全": '全.{3}(?:：)?[",;|\\t^:]',
    "所有": '所有(?:：)?[",;|\\t^:]',
    "表": "附?表[ 一二三1-9]",
    "部分": "第.{1,12}部分",
}
"""Forms, and the word without which a text has none of them."""
ENGLISH = ("total", "sum", "average", "mean", "source", "note", "example", "prepared by", "printed", "max", "min", "median")
ZEROS = re.compile(rb'\n[0-9 "]*[,;|\t^][-0. ",;|\t^]*\r?(?=\n|\Z)')
BLANKS = re.compile(rb'\n[ "]*[,;|\t^][ ",;|\t^]*\r?(?=\n|\Z)')
RULES = re.compile(rb"\n[|:\- \t]*---")


def lines(block: bytes, zeros: bool = True) -> Iterator[bytes]:
    """The lines of a block of UTF-8 that have a word or a form of what is no record. `zeros`: those of
    zeros alone, too, not only those of nothing."""
    text = b"\n" + block
    for pattern in _patterns(block, zeros):
        end = 0
        for hit in pattern.finditer(text):
            place = hit.start() + 1
            if place >= end:
                end = text.find(b"\n", place)
                end = len(text) if end < 0 else end
                yield text[text.rfind(b"\n", 0, place) + 1 : end]


def _patterns(block: bytes, zeros: bool) -> Iterator[re.Pattern[bytes]]:
    """What to look for in a block, without the words that it does not hold at all."""
    if not block.isascii():
        yield from _chinese(block)
    lower = block.lower()
    if english := [word for word in ENGLISH if word.encode() in lower]:
        yield re.compile(rf'[,;|\t\n"^]{BLANK}(?:sub-?|grand )?(?:{"|".join(english)})'.encode(), re.I)
    yield ZEROS if zeros else BLANKS
    if b"---" in block:
        yield RULES


def _chinese(block: bytes) -> Iterator[re.Pattern[bytes]]:
    if "计".encode() in block or "計".encode() in block:
        yield SUMS
    words = [re.escape(word) for word in CHINESE if word.encode() in block]
    if words := [*words, *(form for word, form in CHINESE_FORMS.items() if word.encode() in block)]:
        yield re.compile(rf'[,;|\t\n"^]{BLANK}(?:{"|".join(words)})'.encode())
