"""What the packs in use give the pages of their domain: the line beside the hub's name, scales that are shown in colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from api.portal.wording.i18n import N_
from catalog.entries import packs
from contracts.model import Item, Type
from contracts.packs.manifest import Brand, Level, Levels, PackManifest

BRAND = N_("政务数据资源目录")
"""Where no pack brings a line of its own."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The brand line (none: the hub's own), and every scale in colours."""

    brand: Brand | None = None
    scales: tuple[Levels, ...] = ()

    def levels(self, item: Item) -> Mapping[str, Level]:
        """The levels of the scale that an item holds, by value; none where it holds none."""
        if item.type is not Type.STRING:
            return {}
        text = f"{item.title} {item.description}"
        for scale in self.scales:
            if item.code_list in scale.code_lists or any(word in text for word in scale.words):
                return scale.values
        return {}


PLAIN = Domain()


def domain(session: Session) -> Domain:
    """What the packs in use say; of two brand lines that of the pack that was added last."""
    return of_manifests(PackManifest.model_validate(one.manifest, by_name=True) for one in packs.in_use(session))


def of_manifests(manifests: Iterable[PackManifest]) -> Domain:
    """The same, from their manifests in the order in which they were added."""
    found = list(manifests)
    brands = [one.brand for one in found if one.brand]
    return Domain(brands[-1] if brands else None, tuple(one.levels for one in found if one.levels))
