"""What was seen in a file, and what must be asked because the file does not say."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.errors import HubError


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The sentence in "zh" or "en"."""
        return self.zh if language.startswith("zh") else self.en


Evidence = Said


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer: what is written after the option, and what it means."""

    value: str
    meaning: Said


@dataclass(frozen=True, slots=True)
class Question:
    """Something the file leaves open: a wrong guess is worse than asking.

    `option` is the command-line option that answers it ("--header"); `choices` come likeliest first.
    """

    option: str
    said: Said
    choices: tuple[Choice, ...]
    evidence: tuple[Evidence, ...] = ()
    free: bool = False
    """Any other value may be given too."""


@dataclass
class Undecided(HubError):
    """Raised where reading cannot go on without an answer."""

    questions: tuple[Question, ...]
    evidence: tuple[Evidence, ...] = field(default=())

    def __post_init__(self) -> None:
        said = [q.said for q in self.questions]
        HubError.__init__(self, "；".join(s.zh for s in said), "; ".join(s.en for s in said))

    __hash__ = HubError.__hash__
