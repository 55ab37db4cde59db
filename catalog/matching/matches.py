"""What the hub has of what somebody needs (Order 809, art. 19): entries that hold the wanted items, each with a score and why.

The full-text index gives the candidates, as sets of the mirror; the few that hold most are compared column by column. Only what
the asker may know of is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import and_, or_

from sqlmodel import Session, col, select

from catalog.entries import tokenizer
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry
from catalog.identity.people import Subject
from catalog.matching import readings as typed
from catalog.matching.lexicon import GENERAL, NOISE, Lexicon, Meaning, lexicon, traditional
from catalog.matching.likening import LEAST, NONE, SAME, Column, Evidence, Reading, Setting, Wanted, column, likeness
from catalog.search import words
from catalog.search.mirror import Mirror, mirror

ENOUGH = 0.6
"""From this score on the hub has it: going on needs a reason."""
SHOWN = 0.45
"""From this score on an entry is shown."""
HOPELESS = 0.3
"""An entry that scores less where all that words find in it were perfect is not compared: abbreviations and formats, which no
word finds, may add some."""
MOST_SHOWN = 10
MOST_COMPARED = 100
"""Entries that are compared column by column."""
GENERAL_WEIGHT = 0.25
"""Of a column that any table may have, beside one that tells what it is about."""


@dataclass(frozen=True, slots=True)
class ItemMatch:
    """One wanted item, and the column that answers it; `column` is None where none does."""

    wanted: Wanted
    column: Column | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that holds wanted items. `titled`: how much of what the need is about stands in its title, 0 to 1."""

    resource: Resource
    score: float
    titled: float
    items: tuple[ItemMatch, ...]

    @property
    def enough(self) -> bool:
        """Whether the hub has what is needed."""
        return self.score >= ENOUGH


@dataclass(slots=True)
class _Asked:
    """A need as it is looked for."""

    wanted: Sequence[Wanted]
    readings: Sequence[tuple[Reading, ...]]
    title: Meaning
    about: Meaning
    """What its title says, without words of every title."""
    hints: frozenset[str]
    """What title and purpose say."""
    weights: Sequence[float]

    @property
    def title_weight(self) -> float:
        """The more general the columns are, the more the title has to tell."""
        general = sum(weight == GENERAL_WEIGHT for weight in self.weights)
        return GENERAL_WEIGHT + (1 - GENERAL_WEIGHT) * general / len(self.weights) if self.weights else 1.0

    @property
    def telling(self) -> list[int]:
        """The items by which entries are looked for: where two tell what it is about, general ones, which most entries hold,
        say no more."""
        telling = [at for at, weight in enumerate(self.weights) if weight > GENERAL_WEIGHT]
        return telling if len(telling) > 1 else list(range(len(self.weights)))

    def most(self, number: int) -> float:
        """The most that an entry can score that holds so many of the telling items, the title counted as one."""
        every, telling = [*self.weights, self.title_weight], [self.weights[at] for at in self.telling]
        looked_for = sorted([*telling, self.title_weight], reverse=True)
        return (sum(every) - sum(looked_for) + sum(looked_for[:number])) / sum(every)


def matches(
    session: Session, subject: Subject, wanted: Sequence[Wanted], *, title: str = "", purpose: str = "", leave_out: str = ""
) -> list[Match]:
    """Entries that the subject may know of and that hold wanted items, the best first.

    Without items the title is what is wanted. `leave_out`: name of an entry that is no match, because the need is to feed it.
    """
    words_, known = lexicon(session), mirror(session)
    with known.lock:
        visible = known.discoverable(subject) & ~known.masks["state"].get("withdrawn", 0)
    asked = _asked(words_, wanted, _readings(session, known, words_, wanted, visible), title, purpose)
    found = _candidates(session, known, words_, asked, visible)
    with known.lock:
        ids = [one.id for one in (known.entries[at] for at in found) if one is not None and one.name != leave_out]
    scored = [_match(words_, asked, resource, entry) for resource, entry in _read(session, ids)]
    best = [one for one in scored if one.score >= SHOWN]
    best.sort(key=lambda one: (-one.score, one.resource.rows == 0, one.resource.title))
    return best[:MOST_SHOWN]


def _readings(
    session: Session, known: Mirror, words_: Lexicon, wanted: Sequence[Wanted], visible: int
) -> list[tuple[Reading, ...]]:
    def there(text: str) -> bool:
        return bool(words.entries_holding(session, known, [text]) & visible)

    return [typed.of(session, words_, one.name, there) for one in wanted]


def _asked(
    known: Lexicon, wanted: Sequence[Wanted], readings: Sequence[tuple[Reading, ...]], title: str, purpose: str
) -> _Asked:
    told = known.meaning(title)
    about = tuple(one for one in told if one not in NOISE)
    weights = [GENERAL_WEIGHT if _general(each) else 1.0 for each in readings]
    return _Asked(wanted, readings, told, about, frozenset(about) | frozenset(known.meaning(purpose)), weights)


def _general(readings: Iterable[Reading]) -> bool:
    return all(concept in GENERAL for reading in readings for concept in reading.meaning)


def _candidates(session: Session, known: Mirror, words_: Lexicon, asked: _Asked, visible: int) -> list[int]:
    """Where the entries stand that hold most of what is wanted."""
    telling = [asked.readings[at] for at in asked.telling]
    sets = [reduce(or_, (_holding(session, known, words_, one) for one in each), 0) & visible for each in telling]
    titled = reduce(or_, (_of_concept(session, known, words_, one) for one in asked.about if one not in GENERAL), 0) & visible
    chosen: list[int] = []
    with known.lock:
        for number, some in _by_number([*sets, titled]):
            if len(chosen) >= MOST_COMPARED or asked.most(number) < HOPELESS:
                break
            for part in (titled & some, some & ~titled):
                chosen += islice(known.positions(part), MOST_COMPARED - len(chosen)) if part else ()
    return chosen


def _by_number(sets: Sequence[int]) -> Iterable[tuple[int, int]]:
    """The members of sets by how many of them hold them, most first: counted in binary, a whole number for each digit."""
    digits: list[int] = []
    for one in sets:
        for place, digit in enumerate(digits):
            digits[place], one = digit ^ one, digit & one
        if one:
            digits.append(one)
    held = reduce(or_, sets, 0)
    for number in range(len(sets), 0, -1):
        some = reduce(and_, (one if number >> place & 1 else ~one for place, one in enumerate(digits)), held)
        if number >> len(digits) == 0 and some:
            yield number, some


def _holding(session: Session, known: Mirror, words_: Lexicon, reading: Reading) -> int:
    """Entries that may answer a reading: its very words, or what it is about in any wording."""
    texts = _searchable([reading.text, traditional(reading.text)])
    whole = words.entries_holding(session, known, texts) if texts else 0
    concepts = reading.meaning
    telling = [one for one in concepts if one not in GENERAL and len(one) > 1]
    if not concepts or (not telling and len(concepts) > 1):
        return whole
    apart = [concepts[-1]] if concepts[-1] in telling or not telling else telling
    return whole | reduce(and_, (_of_concept(session, known, words_, one) for one in apart))


def _of_concept(session: Session, known: Mirror, words_: Lexicon, concept: str) -> int:
    forms = words_.wordings.get(concept, (concept,))
    texts = _searchable([*forms, *(traditional(form) for form in forms)])
    return words.entries_holding(session, known, texts) if texts else 0


def _searchable(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if tokenizer.phrase(text)]


def _read(session: Session, ids: Sequence[str]) -> list[tuple[Resource, SearchEntry]]:
    joined = select(Resource, SearchEntry).join(SearchEntry, col(SearchEntry.resource_id) == Resource.id)
    return list(session.exec(joined.where(col(Resource.id).in_(ids)))) if ids else []


def _match(known: Lexicon, asked: _Asked, resource: Resource, entry: SearchEntry) -> Match:
    place = f"{resource.title} {resource.title_en} {resource.name}".lower()
    title = frozenset(known.meaning(resource.title))
    about = title.union(known.meaning(resource.title_en), known.meaning(resource.name))
    titled, setting = _titled(asked.about, about, place), Setting(about, place, asked.hints)
    columns = [column(known, item) for item in entry.items]
    each = zip(asked.wanted, asked.readings, strict=True)
    found = tuple(_answer(one, readings, columns, setting) for one, readings in each)
    return Match(resource, round(_score(asked, found, titled, title), 3), round(titled, 3), found)


def _answer(wanted: Wanted, readings: tuple[Reading, ...], columns: Sequence[Column], setting: Setting) -> ItemMatch:
    best, at = NONE, None
    for one in columns:
        evidence = likeness(wanted, readings, one, setting)
        if evidence.score > best.score:
            best, at = evidence, one
            if best.score >= SAME:
                break
    return ItemMatch(wanted, at, best) if best.score >= LEAST else ItemMatch(wanted, None, NONE)


def _titled(wanted: Meaning, about: frozenset[str], place: str) -> float:
    """How much of what the need is about stands in the title."""
    return sum(_said(one, about, place) for one in wanted) / len(wanted) if wanted else 0.0


def _said(concept: str, about: frozenset[str], place: str) -> bool:
    if concept in about or (len(concept) > 1 and concept in place):
        return True
    return any(len(part) > 1 and not part.isascii() and part in concept for part in about)


def _score(asked: _Asked, found: Sequence[ItemMatch], titled: float, title: frozenset[str]) -> float:
    """The share of the wanted items that are there, each by its weight, and the title beside them; without items how much the
    two titles have in common, every word of them."""
    if not asked.wanted:
        told = frozenset(asked.title)
        return 2 * len(told & title) / (len(told) + len(title)) if told else 0.0
    weight = asked.title_weight
    got = sum(weight_ * one.evidence.score for weight_, one in zip(asked.weights, found, strict=True))
    return (got + weight * titled) / (sum(asked.weights) + weight)
