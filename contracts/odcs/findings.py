"""What is wrong with a contract: every finding with its place, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.errors import HubError

Path = tuple[str | int, ...]
"""Keys and positions from the top of the document."""
Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True)
class ContractFinding:
    """One fault of a contract: where, what, and what to write instead, in Chinese and English."""

    source: str
    line: int
    column: int
    path: str
    problem: str
    problem_en: str
    instead: str
    instead_en: str

    def said(self, language: str) -> str:
        """One line in "zh" or "en": file:line:column path: problem; what to write instead."""
        chinese = language.startswith("zh")
        problem, instead = (self.problem, self.instead) if chinese else (self.problem_en, self.instead_en)
        end = (f"；{instead}" if chinese else f"; {instead}") if instead else ""
        return f"{self.source}:{self.line}:{self.column}: {self.path}: {problem}{end}"


class InvalidContract(HubError):
    """A document that is not a contract of this hub. `findings` has every fault of it."""

    def __init__(self, findings: Sequence[ContractFinding]) -> None:
        super().__init__(
            f"契约有 {len(findings)} 处错误：\n" + "\n".join(f.said("zh") for f in findings),
            f"The contract has {len(findings)} fault(s):\n" + "\n".join(f.said("en") for f in findings),
        )
        self.findings = tuple(findings)


class Findings:
    """Collects the findings of one document and knows where each of its parts stands."""

    def __init__(self, source: str, places: Mapping[Path, Place]) -> None:
        self.source = source
        self.places = places
        self.found: list[ContractFinding] = []

    def add(self, path: Path, problem: tuple[str, str], instead: tuple[str, str] = ("", "")) -> None:
        """A fault at a part of the document; the nearest part above it that has a place gives line and column."""
        line, column = self.place(path)
        finding = ContractFinding(self.source, line, column, spell(path), *problem, *instead)
        if finding not in self.found:
            self.found.append(finding)

    def place(self, path: Path) -> Place:
        """Line and column of a part, or of the nearest part above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def under(self, path: Path) -> bool:
        """True where something at or below the part was found already."""
        spelled = spell(path)
        return any(f.path == spelled or f.path.startswith((spelled + ".", spelled + "[")) for f in self.found)

    def settle(self) -> None:
        """Raise InvalidContract when anything was found."""
        if self.found:
            raise InvalidContract(sorted(self.found, key=lambda f: (f.line, f.column, f.path)))


def spell(path: Path) -> str:
    """A path as people read it: schema[0].properties[2].logicalType; the document itself is $."""
    spelled = ""
    for step in path:
        spelled += f"[{step}]" if isinstance(step, int) else f".{step}" if spelled else str(step)
    return spelled or "$"
