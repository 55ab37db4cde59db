"""What a delivery leaves open: questions with their evidence, and for each answer the words of the command that gives it."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from contracts.deliveries import Answers
from contracts.errors import HubError
from contracts.inference import dates
from contracts.inference.evidence import Evidence
from contracts.model import Contract, Delivery, Item, Type

ALIKE = 0.5
"""Titles that share this much of their letters may name the same item (企业名称, 单位名称: 0.5)."""
SAME_VALUES = 0.5
"""Share of compared values from which on a column is proposed for an item."""


class UnknownColumn(HubError):
    """An answer about a column or an item that is not there."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer and what it means."""

    answers: Answers
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing left open. `about`: missing, emptied, dates, nil, again or overlap; choices come likeliest first."""

    about: str
    zh: str
    en: str
    choices: tuple[Choice, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column of the file that may hold an item: of `compared` values `equal` are what the table holds."""

    header: str
    likeness: float
    compared: int
    equal: int
    by_key: bool

    @property
    def strong(self) -> bool:
        """Whether the evidence is worth a proposal."""
        return self.likeness >= ALIKE or (self.compared > 0 and self.equal >= SAME_VALUES * self.compared)

    @property
    def rank(self) -> tuple[float, float]:
        """Values say more than titles."""
        return (self.equal / self.compared if self.compared else 0.0, self.likeness)


def likeness(title: str, header: str) -> float:
    """How much two column titles share, 0 to 1."""
    one, other = (unicodedata.normalize("NFKC", text).casefold().strip() for text in (title, header))
    return difflib.SequenceMatcher(None, one, other).ratio()


def missing(item: Item, filled: int, rows: int, candidates: Sequence[Candidate], *, emptied: bool = False) -> Doubt:
    """A column that had values and is gone, or is there and (nearly) empty: another one in its place, or none."""
    title = item.title or item.name
    proposals = sorted((c for c in candidates if c.strong), key=lambda c: c.rank, reverse=True)
    choices = [
        Choice(
            Answers(columns={one.header: item.name}),
            *_lasting(f"“{one.header}”就是“{title}”", f"{one.header!r} is {title!r}"),
        )
        for one in proposals[:3]
    ]
    choices.append(
        Choice(
            Answers(absent=(item.name,)),
            f"确实没有“{title}”，按空值处理",
            f"there is no {title!r} any more: its values are empty",
        )
    )
    counts = (f"表中 {rows:,} 行里有 {filled:,} 行有值", f"{filled:,} of the {rows:,} rows in the table have a value")
    zh = f"“{title}”在本批中几乎全空，{counts[0]}" if emptied else f"缺少列“{title}”，{counts[0]}"
    en = (
        f"{title!r} is (nearly) empty in this delivery, {counts[1]}"
        if emptied
        else f"The column {title!r} is gone, {counts[1]}"
    )
    if not filled and not emptied:
        zh, en = f"缺少列“{title}”", f"The column {title!r} is missing"
    return Doubt("emptied" if emptied else "missing", zh, en, tuple(choices), tuple(map(_reason, proposals[:3])))


def _reason(one: Candidate) -> Evidence:
    zh, en = f"“{one.header}”", f"{one.header!r}"
    if one.compared and one.by_key:
        zh += f"按主键比对 {one.compared:,} 行，{one.equal:,} 行的值相同"
        en += f": {one.equal:,} of {one.compared:,} values compared by key are the same"
    elif one.compared:
        zh += f"的 {one.compared:,} 个不同值中，{one.equal:,} 个表中已有"
        en += f": {one.equal:,} of its {one.compared:,} different values are in the table"
    return Evidence(f"{zh}，名称相似 {one.likeness:.0%}", f"{en}; the titles share {one.likeness:.0%}")


def orders(item: Item, rivals: Iterable[str], example: str) -> Doubt:
    """Dates that are written otherwise than the contract says, and read in two ways."""
    title = item.title or item.name
    words = {"mdy": ("月在前", "month first"), "dmy": ("日在前", "day first"), "ymd": ("年在前", "year first")}
    choices = tuple(Choice(Answers(dates={item.name: order}), *words[order]) for order in rivals)
    return Doubt(
        "dates",
        f"“{title}”不是契约规定的写法（如 {example}），有两种读法",
        f"{title!r} is not written as the contract says ({example}), and reads in two ways",
        choices,
    )


def nothing(title: str) -> Doubt:
    """A file with a header and no rows: a nil return, a template that nobody filled in, or the wrong file."""
    meaning = ("零报送：本期没有数据", "a nil return: there is nothing to report this time")
    return Doubt(
        "nil",
        f"“{title}”的文件只有列名，没有一行数据；是零报送，还是尚未填写的模板",
        f"The file for {title!r} has a header and no rows: a nil return, or a template that nobody filled in",
        (Choice(Answers(nil=True), *_lasting(*meaning)),),
    )


def older(batch_id: str, latest: str) -> Doubt:
    """The very bytes of an earlier delivery, after newer ones."""
    return Doubt(
        "again",
        f"与较早的批次 {batch_id} 是同一文件，其后已有更新的批次 {latest}",
        f"The very file of batch {batch_id}, and a newer one, {latest}, was loaded since",
        (Choice(Answers(again=True), "仍要入库，旧值会覆盖新值", "load it all the same: old values replace newer ones"),),
    )


def overlap(rows: int, known: int, batches: Sequence[str], covered: Sequence[str], key: Sequence[Item], changed: int) -> Doubt:
    """Rows of a dataset without a key that are in the table already: a corrected or cumulative file.

    `known` of its `rows` are in deliveries `batches`, those `covered` are (mostly) repeated; by `key` the rows are the same,
    `changed` of them with other values.
    """
    titles = [item.title or item.name for item in key]
    zh = f"没有主键，而 {rows:,} 行中有 {known:,} 行在批次 {_few(batches)} 中已有"
    en = f"There is no key, and {known:,} of {rows:,} rows are in batch {_few(batches)} already"
    evidence, choices = [], []
    if key:
        evidence = [
            Evidence(
                f"按 {'、'.join(titles)} 可以认出每一行，其中 {changed:,} 行其他值不同",
                f"{', '.join(titles)} identifies each row, {changed:,} of them have other values",
            )
        ]
        meaning = (f"以 {'、'.join(titles)} 为主键逐行更新", f"{', '.join(titles)} identifies a row: update row by row")
        choices.append(Choice(Answers(key=tuple(item.name for item in key)), *_lasting(*meaning)))
    if covered:
        meaning = (f"代替批次 {_few(covered)} 的全部行", f"it takes the place of all rows of batch {_few(covered)}")
        choices.append(Choice(Answers(overlap="replace"), *_lasting(*meaning)))
    choices.append(Choice(Answers(overlap="append"), *_lasting("全部追加", "append all of it")))
    return Doubt("overlap", zh, en, tuple(choices), tuple(evidence))


def _few(batches: Sequence[str]) -> str:
    return ", ".join(batches[:5]) + (" …" if len(batches) > 5 else "")


def _lasting(zh: str, en: str) -> tuple[str, str]:
    return f"{zh}，以后也这样", f"{en}, and so from now on"


def asked(doubt: Doubt, contract: Contract) -> dict[str, Any]:
    """A doubt as the batch keeps it: about, zh, en, evidence [{zh, en}], choices [{answers, args, zh, en}]."""
    return {
        "about": doubt.about,
        "zh": doubt.zh,
        "en": doubt.en,
        "evidence": [asdict(line) for line in doubt.evidence],
        "choices": [
            {"answers": asdict(c.answers), "args": arguments(c.answers, contract), "zh": c.zh, "en": c.en}
            for c in doubt.choices
        ],
    }


def arguments(answers: Answers, contract: Contract) -> list[str]:
    """The words after `hub batch answer` that say these answers."""
    title = {item.name: item.title or item.name for item in contract.items}
    words = [word for header, name in answers.columns.items() for word in ("--map", f"{header}={title.get(name, name)}")]
    words += [word for name in answers.absent for word in ("--absent", title.get(name, name))]
    words += [word for name, order in answers.dates.items() for word in ("--dates", f"{title.get(name, name)}={order}")]
    words += ["--overlap", answers.overlap] if answers.overlap else []
    words += ["--key", ",".join(title.get(name, name) for name in answers.key)] if answers.key else []
    words += ["--nil"] if answers.nil else []
    return [*words, *(["--again"] if answers.again else [])]


def named(contract: Contract, name: str) -> Item:
    """The item of that machine name, title or source name."""
    for item in contract.items:
        if name in (item.name, item.title, item.title_en, *item.source):
            return item
    names = [item.title or item.name for item in contract.items[:30]]
    raise UnknownColumn(
        f"契约中没有信息项“{name}”；有：{'、'.join(names)}。", f"The contract has no item {name!r}; it has {', '.join(names)}."
    )


def given(
    contract: Contract,
    maps: Sequence[str] = (),
    absent: Sequence[str] = (),
    orders: Sequence[str] = (),
    overlap: str = "",
    key: str = "",
    again: bool = False,
    nil: bool = False,
) -> Answers:
    """Answers from the words of a command, items named as people name them."""
    return Answers(
        columns={header: named(contract, title).name for header, title in pairs("--map", maps).items()},
        absent=tuple(named(contract, title).name for title in absent),
        dates={named(contract, title).name: order for title, order in pairs("--dates", orders, ("dmy", "mdy", "ymd")).items()},
        overlap=overlap,
        key=tuple(named(contract, title.strip()).name for title in key.split(",") if title.strip()),
        again=again,
        nil=nil,
    )


def pairs(option: str, words: Sequence[str], allowed: Sequence[str] = ()) -> dict[str, str]:
    """COLUMN=VALUE words of a command as a mapping. Errors: UnknownColumn."""
    pairing = {}
    for word in words:
        left, equals, right = word.rpartition("=")
        if not equals or not left or not right or (allowed and right not in allowed):
            choices, choices_en = "、".join(allowed), ", ".join(allowed)
            raise UnknownColumn(
                f"{option} 应写作 列=值{f'，值为 {choices}' if allowed else ''}；收到 {word}。",
                f"{option} is COLUMN=VALUE{f' with one of {choices_en}' if allowed else ''}: {word}.",
            )
        pairing[left] = right
    return pairing


def answered(contract: Contract, answers: Answers) -> Contract:
    """The contract as it holds with what was answered: further source names, orders of dates, a key where it has none."""
    headers: dict[str, tuple[str, ...]] = {}
    for header, name in answers.columns.items():
        headers[name] = (*headers.get(name, ()), header)
    keyed = bool(answers.key) and not contract.key
    place = {name: number for number, name in enumerate(answers.key, 1)} if keyed else {}
    items = tuple(
        _answered(item, headers.get(item.name, ()), answers.dates.get(item.name, ""), place) for item in contract.items
    )
    delivery = Delivery.CHANGES if keyed and contract.delivery is Delivery.APPEND else contract.delivery
    return replace(contract, items=items, delivery=delivery)


def _answered(item: Item, headers: tuple[str, ...], order: str, place: Mapping[str, int]) -> Item:
    if order:
        item = replace(item, formats=(*(item.formats or own_formats(item)), *ordered(item, order)))
    if item.name in place:
        item = replace(item, key=place[item.name], required=True)
    return replace(item, source=(*item.source, *headers)) if headers else item


def own_formats(item: Item) -> tuple[str, ...]:
    """The formats of an item that names none, as far as a list of formats can say them."""
    return (dates.DAY,) if item.type is Type.DATE else ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")


def ordered(item: Item, order: str) -> tuple[str, ...]:
    """Formats with months in numbers in which a date or timestamp may be written in that order."""
    wanted = item.type is Type.TIMESTAMP
    return tuple(f for f in dates.formats() if dates.numeric_month(f) and dates.order(f) == order and dates.timed(f) == wanted)
