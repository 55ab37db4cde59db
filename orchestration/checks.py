"""Asset checks from what the contract found: was each delivery taken, and what went to quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from contracts.packs.models import Model
from orchestration.turns import Turn

DELIVERED = "delivered"
QUALITY = "quality"


def specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The two checks of a dataset."""
    return [
        dg.AssetCheckSpec(
            DELIVERED, asset=key, description="每批：收到 = 通过 + 隔离，且没有整批拒绝 / Counts agree, nothing refused"
        ),
        dg.AssetCheckSpec(
            QUALITY, asset=key, description="契约的各项规则：没有行进入隔离 / No row broke a rule of the contract"
        ),
    ]


def results(key: dg.AssetKey, turn: Turn) -> list[dg.AssetCheckResult]:
    """What the checks say of a dataset's turn; a refusal is an error, quarantined rows are a warning."""
    return [_delivered(key, turn), _quality(key, turn)]


def _delivered(key: dg.AssetKey, turn: Turn) -> dg.AssetCheckResult:
    refused = [loaded for loaded in turn.news if loaded.refused]
    received, accepted, quarantined = (turn.count(name) for name in ("received", "accepted", "quarantined"))
    lost = received - accepted - quarantined
    problems = [f"{loaded.filename}: {loaded.outcome.message}" for loaded in refused] + [zh for zh, _ in turn.notes]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DELIVERED,
        passed=not refused and not lost and not turn.notes,
        # A file that was left out is told; what was refused or could not be read is an error.
        severity=dg.AssetCheckSeverity.ERROR if refused or lost or turn.failed else dg.AssetCheckSeverity.WARN,
        description="；".join(problems) or None,
        metadata={"received": received, "accepted": accepted, "quarantined": quarantined},
    )


def _quality(key: dg.AssetKey, turn: Turn) -> dg.AssetCheckResult:
    faults = [fault for loaded in turn.news for fault in loaded.outcome.faults]
    metadata: dict[str, Any] = {"quarantined": turn.count("quarantined")}
    if faults:
        records = [dg.TableRecord({"rule": f.rule, "item": f.item, "rows": f.rows, "message": f.message}) for f in faults[:50]]
        metadata["faults"] = dg.MetadataValue.table(records)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=QUALITY,
        passed=not turn.count("quarantined"),
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def model_specs(model: Model, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """One check for each dbt data test of a model."""
    return [dg.AssetCheckSpec(name, asset=key) for name in dict.fromkeys(model.tests)]


def model_results(key: dg.AssetKey, tests: Sequence[tuple[str, bool, int, str]]) -> list[dg.AssetCheckResult]:
    """What dbt's tests found: (name, passed, failing rows, message)."""
    return [
        dg.AssetCheckResult(
            asset_key=key, check_name=name, passed=passed, metadata={"failures": failures}, description=message or None
        )
        for name, passed, failures, message in tests
    ]
