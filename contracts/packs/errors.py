"""What can be wrong with a pack, said with its file and its field."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from contracts.errors import HubError


class InvalidPack(HubError):
    """A pack that cannot be used: a fault for each file and field."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        zh, en = "；".join(zh for zh, _ in faults), "; ".join(en for _, en in faults)
        super().__init__(f"包有误，没有安装：{zh}", f"The pack is not right, and was not installed: {en}")


def fault(zh: str, en: str) -> InvalidPack:
    """One fault."""
    return InvalidPack([(zh, en)])


def of_fields(file: str, error: ValidationError) -> InvalidPack:
    """Every field of a file that is not what it must be."""
    faults = []
    for one in error.errors():
        place = f"{file}: {'.'.join(map(str, one['loc']))}".removesuffix(": ")
        faults.append((f"{place}：{one['msg']}", f"{place}: {one['msg']}"))
    return InvalidPack(faults)
