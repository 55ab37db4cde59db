"""Where checks look things up: code lists by name, values of another dataset's key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.errors import HubError
from contracts.model import Codes, Contract, Said

DIVISIONS = "division"
"""Name of the code list that holds every division code."""
PAST_DIVISIONS = "division-historic"
"""Optional code list of abolished county codes; identity numbers keep them."""
TITLES: Mapping[str, Said] = {DIVISIONS: ("区划表（代码表 division）", "list of divisions")}
"""Lists that people know by another name."""


class CodeListMissing(HubError):
    """A contract names a code list that is not in the catalogue."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"目录中没有代码表 {name}；请先登记该代码表（hub contracts sync，或门户“代码表”），再检查数据。",
            f"The catalogue has no code list {name}; add it first (hub contracts sync, or the portal's code lists).",
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Lists:
    """Code lists in memory, and values of referenced items by (dataset, item): for notebooks, templates and tests."""

    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    references: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)

    def codes(self, name: str) -> Sequence[str]:
        """Values of a code list; KeyError when there is none of that name."""
        return self.lists[name]


def needed(contract: Contract) -> frozenset[str]:
    """Names of the code lists that a contract's checks look up."""
    formats = [item.format for item in contract.items if item.format]
    return frozenset([i.code_list for i in contract.items if i.code_list] + [name for f in formats for name in f.lists])


def wanted(contract: Contract) -> frozenset[str]:
    """Names of the code lists that its checks look up where they exist."""
    return frozenset(name for item in contract.items if item.format for name in item.format.optional_lists)


def fetch(codes: Codes, name: str) -> frozenset[str]:
    """The values of a list; CodeListMissing says what to do when there is none."""
    try:
        return frozenset(codes.codes(name))
    except KeyError:
        raise CodeListMissing(name) from None


def optional(codes: Codes, name: str) -> frozenset[str]:
    """The values of a list that need not exist."""
    try:
        return frozenset(codes.codes(name))
    except KeyError:
        return frozenset()
