"""Lines that no row could be made of, and lines that are none: the reader finds them, warehouse.readers."""

from __future__ import annotations

from collections.abc import Callable

from contracts.checks.rules.base import LineCheck, Rule, Scope
from contracts.checks.rules.wording import asks_by_heading
from contracts.model import Said


def _line(check: LineCheck, value: str | None) -> Said:
    """The line as received, where it may be shown."""
    return (f"，收到 {value}", f", received {value}") if value and not check.private else ("", "")


def _columns(check: LineCheck, value: str | None) -> Said:
    zh, en = _line(check, value)
    wants, wants_en = "列数应与表头一致", "a row must have as many columns as the header"
    if check.columns is not None:
        wants, wants_en = f"每行应有 {check.columns} 列", f"a row must have {check.columns} columns"
    return (
        f"{wants}{zh}；请检查多余或缺少的分隔符、合并单元格和换行。",
        f"{wants_en}{en}; look for stray or missing delimiters, merged cells and line breaks.",
    )


def _quotes(check: LineCheck, value: str | None) -> Said:
    zh, en = _line(check, value)
    return (
        f"引号不配对{zh}；字段内的引号请写成两个引号。",
        f"quotes do not balance{en}; double the quotes inside a field.",
    )


def _json(check: LineCheck, value: str | None) -> Said:
    return (
        "这一行不是完整的 JSON 对象；请每行写一个对象，检查括号、引号和换行。",
        "this line is not a whole JSON object; write one object a line, look at brackets, quotes and line breaks.",
    )


def _encoding(check: LineCheck, value: str | None) -> Said:
    zh, en = _line(check, value)
    return (
        f"有无法按文件编码读取的字节{zh}；请用 UTF-8 或 GB18030 重新导出。",
        f"some bytes cannot be read in the file's encoding{en}; export it again as UTF-8 or GB18030.",
    )


def _total_mismatch(check: LineCheck, value: str | None) -> Said:
    zh, en = _line(check, value)
    return (
        f"合计行与各行之和不符{zh}；请核对合计和各行，合计行不作为记录。",
        f"this total differs from the sum of its rows{en}; check both. It is no record.",
    )


def _aside(what: Said) -> Callable[[LineCheck, str | None], Said]:
    """The message of a line that is no record and was set aside."""

    def message(check: LineCheck, value: str | None) -> Said:
        zh, en = _line(check, value)
        return f"这一行{what[0]}，不是记录，已另放{zh}。", f"this row {what[1]}; it is no record and was set aside{en}."

    return message


def _rule(
    name: str, heading: Said, message: Callable[[LineCheck, str | None], Said], title: Said | None = None
) -> Rule[LineCheck]:
    return Rule(name=name, heading=heading, message=message, title=title, scope=Scope.LINE)


UNREAD = (
    _rule("columns", ("列数不符，无法解析", "Wrong number of columns"), _columns, ("列数", "Number of columns")),
    _rule("quotes", ("引号不配对，无法解析", "Unbalanced quotes"), _quotes, ("引号配对", "Balanced quotes")),
    _rule("json", ("不是完整的 JSON 对象", "Not a JSON object"), _json, ("完整的 JSON 对象", "JSON object")),
    _rule("encoding", ("编码错误，无法解析", "Undecodable bytes"), _encoding, ("编码", "Encoding")),
)
"""Lines that could not be split into columns or decoded."""
ASIDE = (
    _rule(
        "note",
        ("附注或标题，不是记录", "Note or heading, no record"),
        _aside(("是附注、落款或标题", "is a note, a signature or a heading")),
    ),
    _rule("total", ("合计行，不是记录", "Total, no record"), _aside(("是合计", "is a total"))),
    _rule("total-mismatch", ("合计与各行之和不符", "Total differs from its rows"), _total_mismatch),
    _rule("example", ("示例行，不是记录", "Example, no record"), _aside(("是填写示例", "is an example of how to fill in"))),
    _rule("numbered", ("只有序号的空行", "Row with a number only"), _aside(("只有序号", "has a row number only"))),
    _rule(
        "zeros",
        ("没有名称的全零行", "Row of zeros without a name"),
        _aside(("没有名称，数值全为零", "has no name and nothing but zeros")),
    ),
    _rule("header", ("重复的表头", "Header repeated"), _aside(("是重复的表头", "repeats the header"))),
    _rule(
        "table",
        ("下方另一个表的行", "Row of another table below"),
        _aside(
            (
                "属于下方的另一个表；要读它，请另用 --header 指出它的表头",
                "belongs to another table below; --header N reads that one",
            )
        ),
    ),
    _rule("empty", ("所有值都是空的", "Every value is empty"), asks_by_heading),
)
"""Lines that are no records, and stand aside."""


def unknown(name: str) -> Rule[LineCheck]:
    """A rule that is no more, or of a later version: its name is all there is to say."""
    return _rule(name, (name, name), asks_by_heading)
