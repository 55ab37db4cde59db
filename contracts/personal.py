"""Personal data by the form and the name of a column, with the grade suggested for it; and what else a steward should see."""

from __future__ import annotations

import re

from contracts.glossary import SIMPLIFIED
from contracts.guess import Guess
from contracts.model import Type
from contracts.naming import words_of
from contracts.profile import SENTINELS, ColumnProfile

PERSON_TITLE = re.compile("姓名|联系人|法定代表人|法人代表|法人$|负责人|驾驶员|户主|申请人|经办人|业主|患者|学生|家长|监护人")
PERSON_WORDS = (
    {"person", "name"},
    {"first", "name"},
    {"last", "name"},
    {"full", "name"},
    {"contact", "name"},
    {"owner", "name"},
    {"legal", "person"},
    {"surname"},
    {"contact", "fn"},
)
PHONE_TITLE = re.compile("电话|手机|联系方式|传真")


def personal(guess: Guess, column: ColumnProfile) -> None:
    """Personal data by form and name, with the grade that is suggested for it (GB/T 43697-2024, GB/T 35273-2020)."""
    title, words = guess.source.translate(SIMPLIFIED), words_of(guess.source)
    mostly = 0.8 * column.filled
    if not column.filled:
        return
    if column.counts["identity_number"] >= mostly:
        _grade(guess, "identity-number", "L4")
    elif column.counts["mobile"] >= mostly and (
        PHONE_TITLE.search(title) or words & {"phone", "mobile", "tel"} or column.distinct > 10
    ):
        _grade(guess, "mobile", "L3")
    elif column.counts["email"] >= mostly:
        _grade(guess, "email", "L3")
    elif (PHONE_TITLE.search(title) or words & {"phone", "tel", "telephone", "mobile", "fax"}) and guess.type is Type.STRING:
        _grade(guess, "phone", "L3")
    elif "出生" in title or {"birth", "date"} <= words or "birthday" in words:
        _grade(guess, "birth-date", "L3")
    elif re.search("住址|家庭地址", title) or {"home", "address"} <= words:
        _grade(guess, "address", "L3")
    elif re.search("银行账号|银行卡", title):
        _grade(guess, "bank-account", "L4")
    elif column.counts["plate"] >= mostly:
        _grade(guess, "licence-plate", "L2")
    elif guess.type is Type.STRING and _person(title, words, column):
        _grade(guess, "name", "L2")


def _person(title: str, words: frozenset[str], column: ColumnProfile) -> bool:
    named = bool(PERSON_TITLE.search(title)) or any(told <= words for told in PERSON_WORDS)
    return named and not re.search("数|电话|手机|号|职务", title)


def _grade(guess: Guess, kind: str, grade: str) -> None:
    guess.personal, guess.grade = kind, grade
    guess.say(f"疑为个人信息（{kind}），建议分级 {grade}", f"perhaps personal data ({kind}); suggested grade {grade}")


def remark(guess: Guess, column: ColumnProfile, rows: int) -> None:
    """What a steward should look at: rare sentinels, code lists, complete columns."""
    if (
        guess.type is Type.INTEGER
        and {"date", "day"} & words_of(guess.source)
        and 20_000 <= (column.least_number or 0) <= 80_000
    ):
        guess.say(
            "像 Excel 的日期序号；请提供方以日期格式重新导出", "looks like Excel's day numbers; ask for an export with dates"
        )
    if guess.type is Type.STRING and column.filled and column.all("percent"):
        guess.say("都是百分数，按文本保存", "all are percentages: kept as text")
    odd = [value for value, _ in column.top if value in SENTINELS]
    if odd and guess.type in (Type.INTEGER, Type.NUMBER, Type.DATE):
        guess.say(f"{'、'.join(odd)} 可能表示缺值", f"{', '.join(odd)} may stand for no value")
    if guess.type is Type.STRING and guess.personal is None and 1 < column.distinct <= 30 and rows >= 100:
        shown = "、".join(value[:20] for value, _ in column.top[:12])
        guess.say(
            f"只有 {column.distinct} 种值，像代码表：{shown}", f"only {column.distinct} values, like a code list: {shown}"
        )
    if column.filled == rows and rows >= 100:
        guess.say("没有空值，可考虑设为必填", "never empty: it may be made required")
