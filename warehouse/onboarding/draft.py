"""From a file to a draft contract: inspect it, profile all its rows, infer, and say what must be asked first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from contracts.checks.code_lists import DIVISIONS, TITLES, Lists
from contracts.checks.duckdb.context import SqlCodeLists
from contracts.checks.formats import division
from contracts.checks.formats import registry as formats
from contracts.inference import (
    asides,
    coordinates,
    damage,
    divisions,
    draft,
    infer,
    keys,
    mends,
    naming,
    personal,
    sniff,
    units,
)
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
from contracts.inference.guess import ColumnAnswers, Guess, is_code_name
from contracts.inference.personal_titles import GRADES
from contracts.inference.profile import ColumnProfile, Profile
from contracts.inference.sniff import NotATable
from contracts.model import Contract, Format, Type
from warehouse.onboarding import profile as profiles
from warehouse.onboarding import proving
from warehouse.readers import Inspection, inspect, mended, open_inspected
from warehouse.readers import damage as damaged
from warehouse.readers.source import Source
from warehouse.settings import Settings

MAX_COLUMNS = 5_000
MANY_BROKEN = 0.3
"""Share of rows that cannot be split, from which on delimiter or header are doubted instead of the rows."""
DISTINCT_DIVISIONS = 200_000
FEW_WRONG = 0.005
"""Share of rows that may fail a domain format which the column is drafted as."""
SEEN = 4
"""Notes about a column that are told at once; its profile has all."""
Progress = Callable[[str, int, int], None]
"""step, done, of."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be onboarded, and everything a person told about it."""

    path: Path
    dataset: str
    title: str
    owner: str
    filename: str
    told: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a contract's `reading`."""
    answers: ColumnAnswers = field(default_factory=ColumnAnswers)
    key: tuple[str, ...] | None = None
    """Headers or machine names of the key; empty: none; None: find it."""
    divisions: Collection[str] = ()
    """Every division code the catalogue knows."""
    past_divisions: Mapping[int, Collection[str]] = field(default_factory=dict)
    """The tables of other years, by year."""
    rows: int = 0
    """First rows to be shown beside the draft."""
    formats: tuple[Format, ...] = ()
    """Domain formats that packs bring."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft contract with its profile, and what was seen."""

    contract: Contract
    profile: Profile
    report: str
    evidence: tuple[Evidence, ...]
    guesses: tuple[Guess, ...]
    rows: tuple[tuple[str | None, ...], ...] = ()
    """The first rows as they are written, in the order of the contract's items."""


def draft_contract(request: Request, settings: Settings, progress: Progress | None = None) -> Drafted:
    """Draft the contract of a new dataset. Raises `Undecided` with every question that the file leaves open."""
    tell = progress or (lambda _step, _done, _of: None)
    inspection = inspect(request.path, request.told, settings, name=request.filename, by_person=True).settled()
    scratch = list(inspection.scratch)
    try:
        with profiles.connection(settings) as connection:
            tell("read", 0, 1)
            source = open_inspected(inspection, settings, connection=connection)
            scratch += source.scratch
            _within_limits(source, request.filename)
            stage = profiles.stage(source, settings, connection=connection)
            scratch += stage.scratch
            profile = profiles.profile(stage, lambda done, of: tell("profile", done, of))
            as_written = profile
            taken_back, converted = mends_needed(request, profile)
            if taken_back or converted:
                inspection.reading |= {"mends": taken_back} if taken_back else {}
                inspection.reading |= {"places": [each.entry() for each in converted]} if converted else {}
                mended_source = mended(source, {"mends": taken_back, "places": inspection.reading.get("places", ())})
                stage = profiles.stage(mended_source, settings, connection=connection)
                scratch += stage.scratch
                profile = profiles.profile(stage)
            _has_rows(profile, source, request, connection)
            inspection.evidence += _aside(source, connection)
            inspection.evidence += _damage(source, connection, request.filename)
            guesses = _guesses(request, stage, profile, inspection, str(inspection.reading.get("delimiter") or ""))
            for guess, column in zip(guesses, as_written.columns, strict=False):
                if guess.source in taken_back:
                    mends.say(guess, column, taken_back[guess.source])
            profile = _with_spans(stage, profile, guesses)
            drafted = None
            if not any(guess.question for guess in guesses):
                drafted = _drafted(request, inspection, source.media, profile, guesses)
                refusals = proving.refused(stage, drafted.contract, request.divisions)
                rows = profiles.first_rows(stage, request.rows)
                drafted = replace(drafted, evidence=(*drafted.evidence, *refusals), rows=rows)
    finally:
        for path in scratch:
            path.unlink(missing_ok=True)
    if drafted is None:
        questions = tuple(guess.question for guess in guesses if guess.question)
        raise Undecided(_merged(questions), (*inspection.evidence, *_seen(guesses)))
    return drafted


def _drafted(request: Request, inspection: Inspection, media: str, profile: Profile, guesses: Sequence[Guess]) -> Drafted:
    evidence = (*inspection.evidence, *_seen(guesses))
    commas = [guess.source for guess in guesses if guess.decimal_comma]
    reading = {**inspection.reading, **({"decimal": commas} if commas else {})}
    subject = draft.DraftSubject(request.dataset, request.title, request.owner, request.filename, media, reading=reading)
    contract = draft.checked(draft.document(subject, profile, guesses), f"{request.dataset}.odcs.yaml")
    return Drafted(contract, profile, draft.report(subject, profile, guesses), evidence, tuple(guesses))


def _with_spans(stage: profiles.Stage, profile: Profile, guesses: Sequence[Guess]) -> Profile:
    """The profile with the first and last date of each column in the order of time, not of the alphabet."""
    columns = list(profile.columns)
    for place, guess in enumerate(guesses):
        if guess.type in (Type.DATE, Type.TIMESTAMP) and guess.formats:
            first, last = profiles.first_and_last(stage, guess.source, guess.formats)
            columns[place] = replace(columns[place], least=first, most=last)
    return replace(profile, columns=tuple(columns))


def mends_needed(request: Request, profile: Profile) -> tuple[dict[str, str], list[coordinates.Conversion]]:
    """The spellings to be taken back, by column, and the coordinates to be converted; the guesses here serve for names only."""
    guesses = [Guess(column.source, name) for column, name in _named(profile)]
    pairs = list(zip(guesses, profile.columns, strict=True))
    personal.mark(pairs)
    return mends.needed(pairs, request.answers), coordinates.conversions(pairs, request.answers)


def _named(profile: Profile) -> list[tuple[ColumnProfile, str]]:
    names = naming.column_names([column.source for column in profile.columns])
    return list(zip(profile.columns, names, strict=True))


def columns_of(path: Path, reading: Mapping[str, Any], settings: Settings, *, name: str) -> tuple[str, ...]:
    """The headers of a file, read as a contract says; for comparing a new delivery with it."""
    with profiles.connection(settings) as connection:
        inspection = inspect(path, reading, settings, name=name).settled()
        source = open_inspected(inspection, settings, connection=connection, lazy=True)
    for scratch in {*source.scratch, *inspection.scratch}:
        scratch.unlink(missing_ok=True)
    return source.columns


def _within_limits(source: Source, filename: str) -> None:
    if len(source.columns) > MAX_COLUMNS:
        raise NotATable(
            f"{filename} 有 {len(source.columns)} 列，超过上限 {MAX_COLUMNS}；请核对分隔符，或转成长表。",
            f"{filename} has {len(source.columns)} columns, more than {MAX_COLUMNS}: check its delimiter, or make it long.",
        )


def _has_rows(profile: Profile, source: Source, request: Request, connection: duckdb.DuckDBPyConnection) -> None:
    """Types cannot be inferred from no rows; and where many rows are broken it is the reading that is wrong."""
    filename = request.filename
    broken = sum(rows for rule, rows, _ in _rejected(source, connection) if rule not in asides.REASONS)
    if profile.rows and broken <= MANY_BROKEN * (profile.rows + broken):
        return
    if profile.rows and request.told.get("delimiter"):
        return
    if profile.rows:
        said = Said(
            f"{broken + profile.rows} 行中有 {broken} 行不能按 {len(source.columns)} 列拆分，读法可能不对",
            f"{broken} of {broken + profile.rows} rows do not split into {len(source.columns)} columns; "
            "they may be read wrongly",
        )
        now = sniff.name_of(str(source.reading.get("delimiter") or ","))
        keep = Choice(now, Said("读法正确，不能拆分的行隔离", "they are read rightly: quarantine the rows that do not split"))
        raise Undecided(
            (Question("--delimiter", said, (keep, Choice("none", Said("只有一列", "it is one column"))), free=True),)
        )
    if broken and _commas_in_numbers(source, connection):
        raise sniff.UnquotedThousands
    if broken:
        raise NotATable(
            f"{filename} 的 {broken} 行都无法按 {len(source.columns)} 列拆分；请用 --delimiter 或 --header 说明读法。",
            f"None of the {broken} rows of {filename} splits into {len(source.columns)} columns; say --delimiter or --header.",
        )
    raise NotATable(
        f"{filename} 只有列名，没有数据行。如为零报送（本期无数据），可交付给已建好的数据集；如为模板，请填写后再提交。"
        "新建数据集要由数据推断类型，请用有数据的一期。",
        f"{filename} has a header and no rows. A nil return (nothing this time) goes to a dataset that is there; a template is "
        "handed in when it is filled. A new dataset takes its types from its rows: begin with a file that has some.",
    )


def _commas_in_numbers(source: Source, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the rows that do not split have a comma inside a number."""
    if source.reading.get("delimiter", ",") != ",":
        return False
    form = "'(^|,)[^0-9,]?[0-9]{1,3},[0-9]{3}([.,]|[^0-9]|$)'"
    sql = f"SELECT count(*), count(*) FILTER (regexp_matches(line, {form})) FROM {source.rejects}"
    rows, numbers = connection.execute(sql).fetchone() or (0, 0)
    return bool(rows) and numbers >= 0.5 * rows


def _rejected(source: Source, connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, list[str]]]:
    """Rows that are not in the relation: the rule, how many, and some of what was found."""
    if not source.rejects:
        return []
    columns = "split_part(reason, ':', 1), count(*), list(split_part(reason, ':', 2))[:3]"
    return connection.execute(f"SELECT {columns} FROM {source.rejects} GROUP BY 1").fetchall()


def _aside(source: Source, connection: duckdb.DuckDBPyConnection) -> list[Evidence]:
    """What of the file is no record, and was set aside."""
    rejected = _rejected(source, connection)
    wrong = [text for rule, _, texts in rejected if rule == "total-mismatch" for text in texts]
    return asides.seen(Counter({rule: rows for rule, rows, _ in rejected}), wrong)


def _damage(source: Source, connection: duckdb.DuckDBPyConnection, filename: str) -> list[Evidence]:
    """Text that was damaged before it came here, told with counts; refused where that is most of it."""
    counts, cells = damaged.count(connection, source.relation, source.columns)
    described = damage.told(counts, cells)
    if damage.is_hopeless(counts, cells):
        zh, en = "；".join(said.zh for said in described), "; ".join(said.en for said in described)
        raise NotATable(
            f"{filename} 的文字已损坏：{zh}。请提供方从原系统按 UTF-8 重新导出。",
            f"The text of {filename} is damaged: {en}. Ask the provider to export it again from its source, as UTF-8.",
        )
    return described


def _guesses(request: Request, stage: profiles.Stage, profile: Profile, inspection: Inspection, delimiter: str) -> list[Guess]:
    names = naming.column_names([column.source for column in profile.columns])
    guesses = infer.infer(
        profile,
        names,
        answers=request.answers,
        text_columns=inspection.text_columns,
        decimals=inspection.decimals,
        converted=coordinates.entries(inspection.reading),
        delimiter=delimiter,
    )
    for guess, column in zip(guesses, profile.columns, strict=True):
        _domain_format(guess, column, stage, request.divisions)
    _divisions_of_their_years(request, stage, guesses)
    key = _key(request, stage, profile, guesses)
    guesses = keys.with_key(guesses, key)
    inspection.evidence += units.give(guesses, inspection.above)
    return guesses


def _domain_format(guess: Guess, column: ColumnProfile, stage: profiles.Stage, codes: Collection[str]) -> None:
    """A domain format where the values prove it: check digits right, divisions in the list, all but a few."""
    if guess.type != "string" or guess.format or not column.filled:
        return
    for form in formats.recognized():
        if _looks_like(form, guess, column):
            _prove(form, guess, column, stage, Lists({DIVISIONS: tuple(codes)} if codes else {}))
            return
    if codes and column.counts["division"] == column.filled and is_code_name(guess):
        _division(guess, column, stage, codes)


def _looks_like(form: Format, guess: Guess, column: ColumnProfile) -> bool:
    look = form.recognition
    if look is None or column.counts.get(form.counted, 0) < look.share * column.filled:
        return False
    return not look.named or guess.personal == form.personal


def _article(form: Format) -> str:
    """a or an."""
    return "an" if form.name[0] in "aeiou" else "a"


def _prove(form: Format, guess: Guess, column: ColumnProfile, stage: profiles.Stage, lookups: Lists) -> None:
    """The format's own check over all rows: few may fail."""
    if missing := [name for name in form.lists if name not in lookups.lists]:
        zh, en = TITLES.get(missing[0], (f"代码表 {missing[0]}", f"code list {missing[0]}"))
        guess.say(
            f"像 {form}；目录中没有{zh}，未设检查",
            f"looks like {_article(form)} {form}; the catalogue has no {en} to check it with: not checked",
        )
        return
    place = stage.place(guess.source)
    right = form.sql(place, SqlCodeLists(lookups))
    wrong = profiles.count_where(stage, f"{place} IS NOT NULL AND NOT coalesce({right}, false)")
    if wrong > FEW_WRONG * column.filled:
        guess.say(f"像 {form}，但 {wrong} 行校验不符，未设检查", f"looks like a {form}, but {wrong} rows fail: not checked")
        return
    guess.format, guess.exceptions = form, wrong
    if form.personal and not guess.personal:
        guess.personal, guess.grade = form.personal, GRADES[form.personal]
    guess.say(
        f"{column.filled - wrong} 行符合 {form}，{wrong} 行不符", f"{column.filled - wrong} rows are a {form}, {wrong} are not"
    )


def _divisions_of_their_years(request: Request, stage: profiles.Stage, guesses: Sequence[Guess]) -> None:
    """Tell of columns called division code, whose values are not all of today, what their codes are."""
    years = [guess.source for guess in guesses if divisions.is_year_title(guess.source)]
    for guess in guesses:
        if guess.format or guess.type != "string" or not divisions.is_division_title(guess.source, guess.name):
            continue
        if request.divisions:
            rows = profiles.with_year(stage, guess.source, years[0] if years else None, DISTINCT_DIVISIONS)
            seen = divisions.count(rows, request.divisions, request.past_divisions)
            guess.say(*divisions.say(seen, request.past_divisions.keys()))
        else:
            guess.say(
                "名称是行政区划代码；目录中没有区划表（代码表 division），未核对",
                "division codes by name; the catalogue has no list of divisions to compare them with",
            )


def _division(guess: Guess, column: ColumnProfile, stage: profiles.Stage, codes: Collection[str]) -> None:
    """A division code when practically all its values are in the list; a list of another year misses some."""
    if column.distinct > DISTINCT_DIVISIONS or column.longest > 12 or column.distinct < 2:
        return
    spellings = division.spellings(frozenset(codes))
    values = profiles.distinct_values(stage, guess.source, DISTINCT_DIVISIONS)
    wrong = sum(rows for value, rows in values if not (re.fullmatch(division.PATTERN, value) and value[:9] in spellings))
    known = sum(rows for _value, rows in values) - wrong
    if wrong == 0 and column.shortest >= 4:
        guess.format = formats.DIVISION
        guess.say(f"全部 {known} 行都是现行行政区划代码", f"all {known} rows are division codes in the list")
    elif wrong <= 0.05 * column.filled:
        guess.say(
            f"像行政区划代码，但 {wrong} 行不在现行表中，未设检查",
            f"looks like division codes, {wrong} rows are not in the list: not checked",
        )


def _key(request: Request, stage: profiles.Stage, profile: Profile, guesses: Sequence[Guess]) -> tuple[str, ...]:
    """The key: as told, else a column that is unique and named like one, else a group that cannot be unique by chance."""
    if request.key is not None:
        return _told_key(request.key, guesses)
    pairs = list(zip(guesses, profile.columns, strict=True))
    single, groups = keys.key_candidates(pairs, profile.rows)
    if single:
        return (single[0],)
    return profiles.unique_together(stage, groups[:12]) or ()


def _told_key(key: tuple[str, ...], guesses: Sequence[Guess]) -> tuple[str, ...]:
    known = {name: guess.source for guess in guesses for name in (guess.name, guess.source)}
    missing = [name for name in key if name not in known]
    if missing:
        names = [guess.source for guess in guesses[:30]]
        raise NotATable(
            f"没有列 {missing[0]}；有：{'、'.join(names)}", f"There is no column {missing[0]!r}; there are {', '.join(names)}"
        )
    return tuple(known[name] for name in key)


def _seen(guesses: Sequence[Guess]) -> list[Evidence]:
    """What was found of each column, briefly."""
    seen = []
    for guess in guesses[:60]:
        notes_zh = "；".join(note.zh for note in guess.notes[:SEEN])
        notes_en = "; ".join(note.en for note in guess.notes[:SEEN])
        key = (f"，主键第 {guess.key} 位", f", key {guess.key}") if guess.key else ("", "")
        seen.append(
            Evidence(
                f"{guess.source} → {guess.name}：{guess.type}{key[0]}" + (f"（{notes_zh}）" if notes_zh else ""),
                f"{guess.source} → {guess.name}: {guess.type}{key[1]}" + (f" ({notes_en})" if notes_en else ""),
            )
        )
    return seen


def _merged(questions: Sequence[Question]) -> tuple[Question, ...]:
    """One question for the day-and-month order of all columns: a file is written in one way."""
    orders = [question for question in questions if question.option == "--dates" and _answers(question) <= set(infer.ORDERS)]
    shared = set(infer.ORDERS).intersection(*map(_answers, orders))
    others = tuple(question for question in questions if question not in orders)
    if len(orders) <= 1 or len(shared) <= 1:
        return tuple(questions)
    columns = [question.choices[0].value.partition("=")[0] for question in orders]
    said = Said(
        f"这些列的日期分不清年、月、日的顺序：{'、'.join(columns)}",
        f"The order of day, month and year is open in these columns: {', '.join(columns)}",
    )
    choices = tuple(Choice(f"*={order}", said) for order, said in infer.ORDERS.items() if order in shared)
    return (replace(orders[0], said=said, choices=choices), *others)


def _answers(question: Question) -> set[str]:
    return {choice.value.rpartition("=")[2] for choice in question.choices}
