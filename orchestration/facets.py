"""OpenLineage in plain dictionaries: names, facets and events of ours, by the specification's JSON Schemas (2-0-2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from catalog.lineage.graph import NAMESPACE
from contracts.clock import now
from contracts.model import Contract

PRODUCER = "urn:hui:hub"
SPEC = "https://openlineage.io/spec"
SCHEMA = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"

_FACETS = {
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet.json",
    "schema": "1-2-0/SchemaDatasetFacet.json",
    "documentation": "1-1-0/DocumentationDatasetFacet.json",
    "ownership": "1-0-1/OwnershipDatasetFacet.json",
    "dataQualityMetrics": "1-0-3/DataQualityMetricsInputDatasetFacet.json",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet.json",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet.json",
    "version": "1-0-1/DatasetVersionDatasetFacet.json",
    "jobType": "2-0-4/JobTypeJobFacet.json",
    "parent": "1-2-0/ParentRunFacet.json",
    "errorMessage": "1-0-1/ErrorMessageRunFacet.json",
}


def facet(kind: str, **told: Any) -> dict[str, dict[str, Any]]:
    """One facet under its key, with producer and schema as every facet needs them."""
    return {kind: {"_producer": PRODUCER, "_schemaURL": f"{SPEC}/facets/{_FACETS[kind]}", **told}}


def run_id(*parts: str) -> str:
    """The same run for the same parts: an event that is made twice is the same event."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((PRODUCER, *parts))))


def dataset(name: str, namespace: str = NAMESPACE, **facets: Any) -> dict[str, Any]:
    """A dataset with its facets: `facets`, `inputFacets` or `outputFacets`, empty ones left out."""
    return {"namespace": namespace, "name": name, **{kind: facet for kind, facet in facets.items() if facet}}


def event(
    job: str,
    run: str,
    *,
    at: datetime | None = None,
    state: str = "COMPLETE",
    inputs: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
    run_facets: Mapping[str, Any] | None = None,
    integration: str = "HUI",
    job_type: str = "BATCH",
) -> dict[str, Any]:
    """A run event: what was read and written by one run of a job."""
    return {
        "eventType": state,
        "eventTime": (at or now()).isoformat(),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": run, "facets": dict(run_facets or {})},
        "job": {
            "namespace": NAMESPACE,
            "name": job,
            "facets": facet("jobType", processingType="BATCH", integration=integration, jobType=job_type),
        },
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def parent(run: str, job: str) -> dict[str, Any]:
    """The Dagster run that this run is a part of; its identifier is a UUID already."""
    return facet("parent", run={"runId": run}, job={"namespace": NAMESPACE, "name": job}) if run else {}


def schema(contract: Contract) -> dict[str, Any]:
    """The items of a contract as a schema facet."""
    fields = [{"name": i.name, "type": i.type.value, "description": i.title} for i in contract.items]
    return facet("schema", fields=fields)


def told(contract: Contract) -> dict[str, Any]:
    """What people want to know of a dataset: its schema, its abstract, who answers for it."""
    owner = facet("ownership", owners=[{"name": contract.owner, "type": "PROVIDER"}]) if contract.owner else {}
    return schema(contract) | facet("documentation", description=contract.description or contract.title) | owner


def column_lineage(pairs: Mapping[str, Sequence[tuple[str, str]]], *, identity: bool = True) -> dict[str, Any]:
    """Which items each item comes from: target item → [(source dataset, source item)], all in our namespace."""
    subtype = "IDENTITY" if identity else "TRANSFORMATION"
    how = [{"type": "DIRECT", "subtype": subtype, "description": "", "masking": False}]
    fields = {
        target: {
            "inputFields": [
                {"namespace": NAMESPACE, "name": name, "field": item, "transformations": how} for name, item in sources
            ]
        }
        for target, sources in pairs.items()
        if sources
    }
    return facet("columnLineage", fields=fields) if fields else {}
