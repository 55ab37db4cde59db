"""Where Dagster finds its instance: dagster.yaml at the project's root, storage in HUB_HOME. Imports no dagster."""

from __future__ import annotations

from pathlib import Path

from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
"""DAGSTER_HOME."""


def environment(settings: Settings) -> dict[str, str]:
    """Variables that Dagster's processes need beside the HUB_* ones that are set."""
    storage = settings.root / "dagster"
    storage.mkdir(parents=True, exist_ok=True)
    return {
        "DAGSTER_HOME": str(ROOT),
        "HUB_HOME": str(settings.root),
        "HUB_DAGSTER_STORAGE": str(storage),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DO_NOT_TRACK": "1",
    }
