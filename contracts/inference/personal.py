"""Personal data by the name of a column and the form of its values, with the grade suggested for it; what else is remarked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.checks.formats.identity_number import check_character
from contracts.inference.evidence import Choice, Question, Said
from contracts.inference.guess import Guess, is_code_name
from contracts.inference.personal_titles import GRADES, NUMBERS, core, kind_among_persons, kind_of, weak_kind
from contracts.inference.profile import SENTINELS, ColumnProfile
from contracts.model import Type

MOSTLY = 0.8
SOME = 0.01
"""Share of rows with an identity number inside their text from which on the whole column is personal."""
FEW = 0.05
LONG = 11
NEARLY_ALL = 0.9
"""Share of damaged rows from which on loading the rest is no use."""
PERSONS = frozenset({"identity-number", "passport", "birth-date"})
ORGANIZATION = re.compile(
    "(企业|公司|单位|机构|学校|医院|店铺|商户|场所|项目|工程|站点?|供应商|厂家)(名称|全称|简称)$|信用代码$|"
    "company|facility|school"
)
NAMES_SEEN = 8
PERSON = re.compile(
    "^[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦"
    "邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤張劉陳楊黃趙吳孫馬羅鄭許馮鄧葉蘇魏呂盧譚陸賈鄒薛閻龍賀顧龔錢嚴]"
    "[\u4e00-\u9fff]{1,3}$(?<![村镇乡县市区路街站厂局所店组院河湖山桥库林场屯公司])"
)
"""A usual surname and one to three characters that end like no place."""
PLACE = re.compile("(?:[省市县区镇乡].*[村路街巷屯组号]|[村屯][^村屯]{0,6}组|[路街巷].{0,6}号)")
EACH = re.compile(
    "(?:户主|患者|病人|学生|申请人|当事人|乘客|旅客|老人|死者|伤者|业主|房主|租户|员工|职工|教师)(?:姓名)?|"
    "姓名|xm|xingming|fullname"
)
"""Titles of a table whose rows are persons."""
HOUSE = re.compile(
    r"[0-9一二三四五六七八九十]+(?:号楼|栋|幢|单元)[^0-9]{0,3}[0-9一二三四五六七八九十]*.*(?:室|户|[0-9]{3,4})$|[0-9]{3,4}室$"
)


def mark(pairs: Sequence[tuple[Guess, ColumnProfile]]) -> None:
    """Mark the columns of a file that hold personal data, before anything about their values is said (GB/T 35273-2020)."""
    for guess, column in pairs:
        kind = kind_of(guess.source) or (weak_kind(guess.source) if column.longest >= LONG else None)
        kind = _mobile_or_phone(kind, column) or _by_value(guess, column)
        if kind:
            guess.personal, guess.grade = kind, GRADES[kind]
    if not _of_persons([guess for guess, _ in pairs]):
        return
    for guess, column in pairs:
        kind = None if guess.personal else kind_among_persons(guess.source) or ("address" if _most(column, PLACE) else None)
        if kind:
            guess.personal, guess.grade = kind, GRADES[kind]


def _of_persons(guesses: Sequence[Guess]) -> bool:
    """Whether a table is one of persons: they have identity numbers, or a phone or a home, and no organization is named."""
    kinds = {guess.personal for guess in guesses}
    titles = {core(guess.source) for guess in guesses}
    organized = any(ORGANIZATION.search(title) for title in titles)
    of_each = any(EACH.fullmatch(title) for title in titles) or ("name" in titles and "mobile" in kinds)
    return bool(kinds & PERSONS) or (of_each and not organized)


def _mobile_or_phone(kind: str | None, column: ColumnProfile) -> str | None:
    mobiles = column.filled and column.counts["mobile"] >= MOSTLY * column.filled
    return "mobile" if kind == "phone" and mobiles else kind


def _by_value(guess: Guess, column: ColumnProfile) -> str | None:
    """The kind of personal data that the values themselves show, under whatever title."""
    if not column.filled:
        return None
    mostly = MOSTLY * column.filled
    if max(column.counts["identity_number"], column.counts["identity_loose"]) >= mostly and not _credit(column):
        return "identity-number"
    if column.counts["identity_inside"] >= max(1, SOME * column.filled) and not _credit(column):
        return "identity-number"
    if column.counts["old_identity"] >= mostly and column.distinct > 1:
        return "identity-number"
    if max(column.counts["mobile"], column.counts["mobile_loose"]) >= mostly and column.distinct > LONG - 1:
        return "mobile"
    if column.counts["email"] >= mostly:
        return "email"
    if column.counts["plate"] >= mostly:
        return "licence-plate"
    if column.counts["bank_card"] >= mostly and all(luhn(value) for value, _ in column.top if value.isdigit()):
        return "bank-account"
    if _most(column, HOUSE):
        return "address"
    return "name" if len(column.top) >= NAMES_SEEN and _most(column, PERSON) else None


def _most(column: ColumnProfile, form: re.Pattern[str]) -> bool:
    """Whether the column's commonest values have a form."""
    values = [value for value, _ in column.top]
    return len(values) > 1 and sum(bool(form.search(value)) for value in values) >= MOSTLY * len(values)


def _credit(column: ColumnProfile) -> bool:
    """Whether the values are codes of organizations, a few of which read like identity numbers."""
    return column.counts["credit_code"] >= MOSTLY * column.filled and not any(
        len(v) == 18 and v[:17].isdigit() and v[17].upper() == check_character(v[:17]) for v, _ in column.top
    )


def luhn(digits: str) -> bool:
    """Whether a card number's last digit is right (ISO/IEC 7812)."""
    total = sum(
        d if place % 2 == 0 else d * 2 - 9 * (d > 4) for place, d in enumerate(int(c) for c in reversed(digits) if c.isascii())
    )
    return bool(digits) and total % 10 == 0


def is_number_of_person(guess: Guess) -> bool:
    """Whether the column's digits are a person's number: text, never a quantity."""
    return guess.personal in NUMBERS


def settle(guess: Guess, column: ColumnProfile) -> None:
    """Say that a column is personal, after its type is known; yes and no are nobody's name or number."""
    if guess.personal and (guess.type is Type.BOOLEAN or (guess.personal == "name" and guess.type is not Type.STRING)):
        guess.personal, guess.grade = None, "L1"
    if not guess.personal:
        return
    guess.say(
        f"疑为个人信息（{guess.personal}），建议分级 {guess.grade}",
        f"perhaps personal data ({guess.personal}); suggested grade {guess.grade}",
    )
    if guess.personal == "identity-number":
        _forms(guess, column)


def _forms(guess: Guess, column: ColumnProfile) -> None:
    """How many identity numbers are written otherwise than the standard says; never which."""
    counts = column.counts
    for rows, zh, en in (
        (counts["old_identity"], "为 15 位旧号码", "are old numbers of 15 digits"),
        (
            counts["identity_loose"] - counts["identity_number"],
            "含空格、全角字符、引号或 .0",
            "have blanks, full-width characters, quotes or .0",
        ),
    ):
        if rows > 0:
            guess.say(f"{rows} 行{zh}，照原样保存", f"{rows} rows {en}: kept as they are")


def damage(guess: Guess, column: ColumnProfile) -> None:
    """Tell how many numbers a spreadsheet has destroyed: scientific notation, zeros after the fifteenth digit."""
    scientific, rounded = column.counts["scientific"], column.counts["rounded"]
    coded = bool(guess.personal) or is_code_name(guess) or guess.type is Type.STRING
    if scientific and coded:
        guess.damaged = scientific
        guess.say(
            f"{scientific} 行号码被 Excel 改成了科学计数法，已失真；请提供方以文本格式重新导出",
            f"{scientific} rows were turned into numbers like 2.3E+17 by Excel and are damaged; "
            "ask for an export with that column as text",
        )
        _send_back(guess, column)
    enough = column.counts["rounded_long"] >= max(2, FEW * column.filled) or rounded >= 0.5 * column.filled
    if rounded and coded and enough:
        guess.say(
            f"{rounded} 行第 15 位之后全是 0，疑被 Excel 截断；请提供方核对",
            f"{rounded} rows have only zeros after the fifteenth digit, perhaps cut by Excel; ask the provider to check",
        )


def _send_back(guess: Guess, column: ColumnProfile) -> None:
    """Damaged rows go back to the provider; where no row is whole a person decides whether the rest is worth having."""
    if guess.told:
        guess.damaged = 0
    elif guess.damaged < NEARLY_ALL * column.filled:
        guess.say(f"这 {guess.damaged} 行将被隔离", f"these {guess.damaged} rows will be quarantined")
    else:
        guess.question = Question(
            "--type",
            Said(
                f"列“{guess.source}”的 {guess.damaged} 行号码都已被 Excel 改成科学计数法，无法恢复；"
                "请提供方以文本格式重新导出。仍要入库吗？",
                f"All {guess.damaged} numbers of {guess.source!r} were turned into scientific notation by Excel and cannot be "
                "restored; ask the provider for an export with that column as text. Load them all the same?",
            ),
            (Choice(f"{guess.source}=string", Said("按失真的文本保存", "keep the damaged text")),),
            tuple(guess.notes),
        )


def shown(guess: Guess, values: Sequence[str], limit: int = 20) -> str:
    """Values for a note or a question; of personal data none."""
    if guess.personal or guess.grade != "L1":
        return "…"
    return "、".join(value[:limit] for value in values)


def remark(guess: Guess, column: ColumnProfile, rows: int) -> None:
    """What a steward should look at: rare sentinels, code lists, complete columns."""
    if guess.type is Type.STRING and column.filled and column.all("percent"):
        guess.say("都是百分数，按文本保存", "all are percentages: kept as text")
    odd = [value for value, _ in column.top if value in SENTINELS]
    if odd and guess.type in (Type.INTEGER, Type.NUMBER, Type.DATE):
        guess.say(f"{'、'.join(odd)} 可能表示缺值", f"{', '.join(odd)} may stand for no value")
    if guess.type is Type.STRING and guess.personal is None and 1 < column.distinct <= 30 and rows >= 100:
        listed = [value[:20] for value, _ in column.top[:12]]
        guess.say(
            f"只有 {column.distinct} 种值，像代码表：{'、'.join(listed)}",
            f"only {column.distinct} values, like a code list: {', '.join(listed)}",
        )
    if column.filled == rows and rows >= 100:
        guess.say("没有空值，可考虑设为必填", "never empty: it may be made required")
