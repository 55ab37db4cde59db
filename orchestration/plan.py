"""What there is to orchestrate: datasets with their route and cycle, agreements with their schedules; no contract is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.entries.contracts import ContractVersion
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization

ROUTES = ("request", "buy", "collect")

FRESHNESS = {
    "实时": timedelta(hours=1),
    "每日": timedelta(days=2),
    "每周": timedelta(days=9),
    "每月": timedelta(days=35),
    "每季度": timedelta(days=100),
    "每半年": timedelta(days=190),
    "每年": timedelta(days=375),
}
"""How old data may be: the cycle and some grace for working days."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One dataset as an asset: where it stands, how it comes, how often."""

    name: str
    library: str
    title: str
    title_en: str
    description: str
    provider: str
    cycle: str
    version: str
    routes: tuple[str, ...]
    """Routes by which it comes: its own, and those of its agreements."""
    agreements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """Datasets whose agreements have the same route and schedule; one Dagster schedule serves them all."""

    route: str
    cron: str
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All datasets, and when they are due."""

    datasets: tuple[Planned, ...]
    due: tuple[Due, ...]

    def of(self, route: str) -> tuple[str, ...]:
        """Names of the datasets that come by a route."""
        return tuple(planned.name for planned in self.datasets if route in planned.routes)


def planned(session: Session) -> Plan:
    """Every dataset of the resource library with an active contract, read in two queries."""
    by_dataset: dict[str, list[Agreement]] = {}
    for agreement in session.exec(select(Agreement).where(col(Agreement.state).in_(IN_FORCE)).order_by(Agreement.id)):
        by_dataset.setdefault(agreement.dataset, []).append(agreement)
    statement = (
        select(Resource, ContractVersion.version, Organization.name)
        .join(ContractVersion, (ContractVersion.dataset == Resource.name) & (ContractVersion.status == "active"))  # type: ignore[arg-type]
        .join(Organization, col(Organization.id) == Resource.provider_id, isouter=True)
        .where(Resource.kind == "dataset", Resource.library == "resource")
        .order_by(Resource.name)
    )
    datasets = tuple(_dataset(*row, by_dataset.get(row[0].name, [])) for row in session.exec(statement))
    return Plan(datasets, _due(datasets, by_dataset))


def _dataset(resource: Resource, version: str, provider: str | None, agreements: list[Agreement]) -> Planned:
    routes = dict.fromkeys([resource.route, *(agreement.route for agreement in agreements)])
    return Planned(
        name=resource.name,
        library=resource.library,
        title=resource.title,
        title_en=resource.title_en,
        description=resource.abstract,
        provider=provider or resource.provider_id,
        cycle=resource.cycle,
        version=version,
        routes=tuple(route for route in routes if route in ROUTES),
        agreements=tuple(agreement.id for agreement in agreements),
    )


def _due(datasets: tuple[Planned, ...], by_dataset: dict[str, list[Agreement]]) -> tuple[Due, ...]:
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for dataset in datasets:
        for agreement in by_dataset.get(dataset.name, []):
            if agreement.cron:
                groups.setdefault((agreement.route, agreement.cron), {})[dataset.name] = None
    return tuple(Due(route, cron, tuple(names)) for (route, cron), names in sorted(groups.items()))


def told(planned: Planned) -> dict[str, Any]:
    """What Dagster's page shows of a dataset beside its name."""
    return {
        "title": planned.title,
        "title_en": planned.title_en,
        "provider": planned.provider,
        "cycle": planned.cycle,
        "contract": planned.version,
        "agreements": ", ".join(planned.agreements),
    }
