"""What was found out about a file: how it is read, what must be asked, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.inference.evidence import Evidence, Question, Undecided
from contracts.inference.json_records import RecordList

SAMPLE = 1 << 20
"""Characters of a text that delimiter and header are judged by."""


@dataclass(slots=True)
class Inspection:
    """How a file is read: `reading` goes into its contract. `path` is the data file itself, unpacked."""

    path: Path
    media: str
    reading: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    scratch: list[Path] = field(default_factory=list)
    encoding: str = ""
    text_columns: frozenset[str] = frozenset()
    decimals: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Columns that the file itself declares to be decimals, with precision and scale."""
    above: tuple[str, ...] = ()
    """Cells above the header: titles, and the line that says the unit."""
    records: RecordList | None = None
    sample: str = ""
    name: str = ""
    """How people call the data file."""
    by_person: bool = False

    def settled(self) -> Inspection:
        """Itself when nothing is open; otherwise `Undecided` with the questions and all evidence."""
        if self.questions:
            self.forget()
            raise Undecided(tuple(self.questions), tuple(self.evidence))
        return self

    def forget(self) -> None:
        """Remove the files made on the way."""
        for path in self.scratch:
            path.unlink(missing_ok=True)
