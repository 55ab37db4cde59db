"""Lineage of the models: OpenLineage's own dbt processor over the run's artifacts, in process; columns by sqlglot."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlmodel import Session

from orchestration import facets
from orchestration.dbt import ModelsRun
from orchestration.lineage import record as keep
from orchestration.project import place, workplace
from warehouse.settings import Settings

DIALECT = "duckdb"


def record(session: Session, settings: Settings, run: ModelsRun, *, run_id: str = "") -> int:
    """Keep the events of a models run in the catalogue; gives how many. The caller commits."""
    received = events(settings, run, run_id=run_id)
    keep(session, received)
    return len(received)


def events(settings: Settings, run: ModelsRun, *, run_id: str = "") -> list[dict[str, Any]]:
    """Events of every model and of its tests, in our namespace, each under the Dagster run it was a part of."""
    from openlineage.client.serde import Serde

    processor = _processor(settings, run)
    parsed = [json.loads(Serde.to_json(event)) for event in processor.parse().events()]
    for event in parsed:
        event["producer"] = facets.PRODUCER
        event["job"]["name"] = _job(event["job"]["name"])
        event["run"].setdefault("facets", {}).update(facets.parent(run_id, "dagster.models"))
    return parsed


def _job(name: str) -> str:
    """theme.PACK.MODEL.build.run → model.theme.MODEL; its tests → test.theme.MODEL."""
    match = re.fullmatch(r"(\w+)\.\w+\.(\w+?)\.build\.(run|test)", name)
    return f"{'model' if match[3] == 'run' else 'test'}.{match[1]}.{match[2]}" if match else name


def _processor(settings: Settings, run: ModelsRun) -> Any:
    """The dbt processor with our names: library.model, in the hub's namespace. Its import takes 0.3 s, so only here."""
    os.environ.setdefault("OPENLINEAGE_DISABLED", "true")  # it builds events; sending them on is ours
    from openlineage.client.facet_v2 import column_lineage_dataset
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor

    class Processor(DbtLocalArtifactProcessor):
        def extract_namespace(self, profile: dict[str, Any]) -> str:
            return facets.NAMESPACE

        def _format_dataset_name(self, database: str | None, schema: str | None, table: str) -> str:
            return ".".join(part for part in (schema, table) if part)

        def get_column_lineage(self, namespace: str, compiled_sql: str) -> Any:
            origins = columns(compiled_sql, run.manifest)
            if not origins:
                return super().get_column_lineage(namespace, compiled_sql)
            return column_lineage_dataset.ColumnLineageDatasetFacet(
                fields={
                    target: column_lineage_dataset.Fields(
                        inputFields=[column_lineage_dataset.InputField(namespace, name, item) for name, item in sources]
                    )
                    for target, sources in origins.items()
                }
            )

    return Processor(
        project_dir=str(place(settings)),
        target_path=str(workplace(settings) / "target"),
        producer=facets.PRODUCER,
        job_namespace=facets.NAMESPACE,
        skip_errors=True,
    )


def columns(sql: str, manifest: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Column of a query → the (library.table, column) it is made of. Empty where the query is beyond sqlglot.

    Provenance columns, which begin with an underscore, are upkeep and no one's information: they are left out.
    """
    try:
        tree = qualify(
            sqlglot.parse_one(sql, dialect=DIALECT),
            schema=_schema(manifest),
            dialect=DIALECT,
            quote_identifiers=False,
            identify=False,
            validate_qualify_columns=False,
        )
        scope = build_scope(tree)
        if scope is None or not isinstance(tree, exp.Query):
            return {}
        shown = [name for name in tree.named_selects if not name.startswith("_")]
        return {name: origins for name in shown if (origins := _origins(name, tree, scope))}
    except (sqlglot.errors.SqlglotError, RecursionError, KeyError, ValueError):
        return {}


def _origins(name: str, tree: exp.Query, scope: Any) -> list[tuple[str, str]]:
    node = lineage(name, tree, schema={}, dialect=DIALECT, scope=scope)
    return list(dict.fromkeys(_leaves(node)))


def _leaves(node: Node) -> Iterator[tuple[str, str]]:
    for below in node.walk():
        table = below.source
        column = below.name.rsplit(".", 1)[-1].strip('"')
        if not below.downstream and isinstance(table, exp.Table) and table.db and not column.startswith("_"):
            yield f"{table.db}.{table.name}", column


def _schema(manifest: Mapping[str, Any]) -> dict[str, object]:
    schema: dict[str, dict[str, dict[str, str]]] = {}
    nodes: Sequence[Mapping[str, Any]] = [*manifest["sources"].values(), *manifest["nodes"].values()]
    for node in nodes:
        if node["resource_type"] in ("source", "model"):
            columns = {name: column.get("data_type") or "varchar" for name, column in node["columns"].items()}
            schema.setdefault(node["schema"], {})[node["name"]] = columns
    return {"lake": schema}
