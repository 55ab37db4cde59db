"""`datasets`: many small datasets refreshed in one run, against an empty Dagster run with as many assets and checks.

Baseline: the same Dagster structure (one multi-asset, the same asset and check specs, metadata and results of the same
shape) whose body does nothing, on a fresh instance of the same storage. `ops` is the commoner structure, one op an asset.
Candidate: every dataset has one new file of ten rows in its watched folder; landing, check, lake transaction, catalogue,
audit and lineage included. `python -m benchmarks.datasets [--sizes 100 1000] [--pairs 5]`
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.pairs import Ratio, compare, measured, report
from warehouse.settings import Settings

ROWS = 10
LIMIT = 3.0
GROWTH = 1.15
"""Seconds per dataset at the largest size may be this much of those at the smallest: noise, not growth."""

HEAD = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:{name}
name: 台账 {name}
version: 1.0.0
status: active
tenant: bench
description: {{purpose: 基准}}
schema:
- name: {name}
  physicalName: {name}
  logicalType: object
  properties:
"""
FOOT = """\
customProperties:
- {{property: delivery, value: changes}}
- {{property: library, value: resource}}
- {{property: route, value: request}}
- {{property: cycle, value: 每日}}
- {{property: classCode, value: "205001"}}
- {{property: sharingType, value: 1}}
- {{property: sharingUses, value: [工作参考]}}
"""
CONTRACT = (
    HEAD
    + """\
  - {{name: code, logicalType: string, businessName: 编号, primaryKey: true, primaryKeyPosition: 1, required: true}}
  - {{name: title, logicalType: string, businessName: 名称, required: true, logicalTypeOptions: {{maxLength: 40}}}}
  - {{name: amount, logicalType: number, businessName: 数量, logicalTypeOptions: {{minimum: 0}}}}
  - {{name: day, logicalType: date, businessName: 日期}}
"""
    + FOOT
)
"""What a benchmark's datasets are; `{name}` is one of them."""


def settings_of(home: Path) -> Settings:
    """The installation of a home."""
    return Settings(home=home / "var", _env_file=None)  # type: ignore[call-arg]


def prepare(home: Path, size: int, contract: str = CONTRACT) -> None:
    """A hub with `size` datasets of a contract, each with an agreement and a watched folder."""
    from catalog.acquisition.agreements import Agreement
    from catalog.entries import contracts as registry
    from catalog.identity.organizations import Organization
    from catalog.store import database
    from contracts.odcs import loader
    from warehouse.storage import connection

    settings = settings_of(home)
    database.migrate(settings.catalog_database)
    connection.initialise(settings)
    with database.session(settings.catalog_database) as session:
        session.add(Organization(id="bench", name="bench", kind="department"))
        session.flush()
        for number in range(size):
            name = f"set_{number:04d}"
            registry.register(session, loader.restore(contract.format(name=name)), by="bench", origin="pack")
            session.add(_agreement(Agreement, name))


def _agreement(kind: Any, name: str) -> Any:
    from catalog.acquisition.agreements import AgreementChannel

    channel = {"kind": "folder", "path": f"inbox/{name}", "pattern": "*.csv", "settle_seconds": 0}
    told = {"route": "request", "dataset": name, "title": name, "purpose": "基准", "provider_id": "bench", "cycle": "每日"}
    channels = [AgreementChannel.of(1, channel, f"XY-{name}")]
    return kind(id=f"XY-{name}", channels=channels, state="signed", needed_on=date(2026, 1, 5), **told)


def drop(settings: Settings, size: int, turn: int) -> None:
    """One new file for every dataset."""
    for number in range(size):
        folder = settings.root / "inbox" / f"set_{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        rows = (f"{turn:03d}-{row:03d},第 {row} 行,{row * 1.5},2026-03-{row + 1:02d}" for row in range(ROWS))
        (folder / f"{turn:04d}.csv").write_text("编号,名称,数量,日期\n" + "\n".join(rows) + "\n", encoding="utf-8")


def refresh(settings: Settings) -> int:
    """The job `refresh` over everything that waits; gives how many datasets it took."""
    from orchestration.execute import execute

    _quiet()
    (told,) = execute(settings, ["refresh"])
    assert told.success, told.problems
    assert all(one.received == one.accepted == ROWS for one in told.loaded)
    return len(told.loaded)


def empty(size: int, structure: str) -> None:
    """A Dagster run over as many assets and checks that does nothing, on a fresh instance."""
    import dagster as dg

    _quiet()
    folder = tempfile.mkdtemp(prefix="hui-bench-")
    try:
        (Path(folder) / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        assets = [_one_op(size)] if structure == "multi" else [_op(number) for number in range(size)]
        definitions = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("refresh")], executor=dg.in_process_executor)
        with dg.DagsterInstance.from_config(folder) as instance:
            job = definitions.get_repository_def().get_job("refresh")
            run_config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            assert job.execute_in_process(instance=instance, run_config=run_config).success
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _results(asset: Any) -> Any:
    import dagster as dg

    told = dict.fromkeys(("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed"), 0)
    checks = [
        dg.AssetCheckResult(asset_key=asset, check_name=name, passed=True, metadata={"received": 0, "accepted": 0})
        for name in ("delivered", "quality")
    ]
    metadata: dict[str, Any] = {**told, "batches": "", "seconds": 0.0, "dagster/row_count": 0}
    return dg.MaterializeResult(asset_key=asset, metadata=metadata, check_results=checks)


def _one_op(size: int) -> Any:
    import dagster as dg

    specs = [dg.AssetSpec(["resource", f"set_{n:04d}"], group_name="resource", skippable=True) for n in range(size)]
    checks = [dg.AssetCheckSpec(name, asset=spec.key) for spec in specs for name in ("delivered", "quality")]

    @dg.multi_asset(name="empty", specs=specs, check_specs=checks, can_subset=True)
    def nothing() -> Iterator[Any]:
        for spec in specs:
            yield _results(spec.key)

    return nothing


def _op(number: int) -> Any:
    import dagster as dg

    asset = dg.AssetKey(["resource", f"set_{number:04d}"])
    checks = [dg.AssetCheckSpec(name, asset=asset) for name in ("delivered", "quality")]

    @dg.asset(key=asset, group_name="resource", check_specs=checks)
    def nothing() -> Any:
        return _results(asset)

    return nothing


def _quiet() -> None:
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


def load(home: Path) -> None:
    """All definitions of an installation, as Dagster's processes load them."""
    from orchestration.definitions import definitions

    definitions(settings_of(home)).get_repository_def().load_all_definitions()


def measure(size: int, pairs: int, structure: str) -> tuple[Ratio, float]:
    """Interleaved pairs at one size, and the seconds in which its definitions load, imports included."""
    home = Path(tempfile.mkdtemp(prefix="hui-bench-"))
    turns = count()

    def before() -> None:
        drop(settings_of(home), size, next(turns))

    try:
        measured(lambda: prepare(home, size))
        loads = measured(lambda: load(home)).wall
        ratio = compare(
            f"datasets {size:,}",
            f"an empty Dagster run ({structure})",
            lambda: empty(size, structure),
            lambda: refresh(settings_of(home)),
            pairs=pairs,
            limit=LIMIT,
            before=before,
        )
        return ratio, loads
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """Measure every size, then the growth of seconds per dataset from the smallest to the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--structure", choices=("multi", "ops"), default="multi")
    options = parser.parse_args()
    found = []
    for size in options.sizes:
        ratio, loads = measure(size, options.pairs, options.structure)
        each, empty_each = ratio.candidate_wall / size, ratio.baseline_wall / size
        cpu = f"{ratio.candidate_cpu / size:.3f} of CPU (empty {ratio.baseline_cpu / size:.3f})"
        print(
            f"{size:,} datasets: {each:.3f} s each (empty {empty_each:.3f}), {cpu}; definitions load in {loads:.1f} s",
            flush=True,
        )
        found.append((ratio, each))
    growth = found[-1][1] / found[0][1]
    print(f"growth from {options.sizes[0]:,} to {options.sizes[-1]:,}: {growth:.2f} (at most {GROWTH})", flush=True)
    report([ratio for ratio, _ in found])


if __name__ == "__main__":
    main()
