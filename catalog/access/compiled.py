"""Uses of data that were decided: kept while the catalogue stays of one generation, and no longer than a right lasts.

A decision with its view rests on the key, its holder, the organization, the entry, its contract, its version, grants and terms.
Each change of one of them is another generation of the catalogue (`catalog.store.generation`), which is read where the use is
recorded, before anything leaves: what was kept ends with it, in every process, at once. What ends by time alone, a grant or a
key, ends by the clock.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from catalog.access import use
from catalog.access.grants import Grant
from catalog.access.use import Reading
from catalog.audit import groups
from catalog.identity.people import SEEN_EVERY, Key, Subject
from catalog.store import generation
from contracts import clock
from contracts.errors import HubError

LARGEST = 10_000
"""Uses that are kept."""
TRIES = 8
"""How often a use is decided anew before its caller is told to come again."""
FRESH_SECONDS = 0.25
"""How long after its right was looked at an answer may begin, and bytes of it may go on; then it is looked at again."""
HELD_SECONDS = 4 * FRESH_SECONDS
"""How long an act that ends rights is not told done: by then every answer has begun that was recorded before it, also where a
busy worker took its time from the look to the first byte."""


class ChangedMeanwhile(HubError):
    """Rights, entries or versions change all the time; nothing was answered."""

    seconds = 2

    def __init__(self) -> None:
        super().__init__(
            "读取期间目录或授权一再变更，请稍后重试。",
            "The catalogue or its rights changed again and again meanwhile; try again in a moment.",
        )


@dataclass(frozen=True, slots=True)
class Use:
    """A use of data that is allowed, as decided at a generation of the catalogue."""

    subject: Subject
    reading: Reading
    generation: str
    until: datetime
    """When it has to be decided anew, if nothing changes before."""

    def same_as(self, other: Use) -> bool:
        """Whether both give the same rows of the same version to the same subject."""
        mine, theirs = self.reading, other.reading
        return (self.subject, mine.view, mine.snapshot, mine.contract.text, mine.decision.purpose) == (
            other.subject,
            theirs.view,
            theirs.snapshot,
            theirs.contract.text,
            theirs.decision.purpose,
        )


class Compiled:
    """What one process keeps of one catalogue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = ""
        self._uses: dict[Hashable, Use] = {}

    def get(self, what: Hashable) -> Use | None:
        """What was decided, if time has not ended it. Its generation may be over: nothing leaves before that is looked at."""
        kept = self._uses.get(what)
        return kept if kept is not None and clock.now() < kept.until else None

    def keep(self, what: Hashable, decided: Use) -> None:
        """Keep a decision; those of another generation go."""
        if not decided.generation:
            return
        with self._lock:
            if decided.generation != self._generation or len(self._uses) >= LARGEST:
                self._generation, self._uses = decided.generation, {}
            self._uses[what] = decided


@lru_cache(maxsize=64)
def of(bind: Engine) -> Compiled:
    """What this process keeps of a catalogue."""
    return Compiled()


def named(bearer: str, *what: str) -> Hashable:
    """How a use is kept: by the key's hash, and what is asked for."""
    return (hashlib.sha256(bearer.encode()).digest(), *what)


def token(bind: Engine) -> str:
    """The catalogue's generation now."""
    with bind.connect() as connection:
        return generation.current(connection)


def decide(session: Session, token: str, subject: Subject, name: str, action: str, *, version: str, purpose: str) -> Use:
    """Decide on a use of data, at a generation that was read before. Errors: those of `use.read`."""
    reading = use.read(session, subject, name, action, version=version, purpose=purpose)
    return Use(subject, reading, token, _until(session, subject, reading))


def record(bind: Engine, decided: Use, action: str, **detail: object) -> bool:
    """Leave the use on record, committed when this returns. False, and nothing is on record: what it rests on changed since it
    was decided. So in the chain no use of a right comes after the right's end."""
    entry = use.entry(decided.subject, action, decided.reading, **detail)
    return groups.of(bind).record(entry, generation=decided.generation)


def _until(session: Session, subject: Subject, reading: Reading) -> datetime:
    """When time alone may change the decision: the next end of a grant or of the key. The key's use is noted now and then."""
    now = clock.now()
    grants = select(func.min(col(Grant.expires_at))).where(
        Grant.resource_id == reading.resource.id,
        Grant.organization_id == subject.organization_id,
        col(Grant.expires_at) > now,
    )
    key = select(Key.expires_at).where(Key.prefix == subject.key_prefix)
    ends = [session.exec(grants).first(), session.exec(key).first() if subject.key_prefix else None]
    return min([end.replace(microsecond=0) for end in ends if end is not None] + [now + SEEN_EVERY])
