"""Lines of the protocol: protocol, metadata and files, in its parquet form and in its delta form."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.http.streams import LinesResponse
from catalog.access.use import Reading
from catalog.releases.releases import Release
from contracts.errors import HubError
from contracts.model import Contract
from warehouse.serving.extracts import Column, ExtractFile

NDJSON = "application/x-ndjson; charset=utf-8"
"""With its charset: without it the Python client reads Chinese column names as Latin-1 and finds no such columns."""
TYPES = {
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


@dataclass(frozen=True, slots=True)
class TableQuery:
    """What the capabilities header asks for."""

    delta: bool = False
    """Answer in the delta form: only where the client accepts nothing else, since every table here fits the parquet form."""
    named: bool = False
    end_stream: bool = False

    @staticmethod
    def by(request: Request) -> TableQuery:
        """Read `delta-sharing-capabilities`: keys and values without regard to case."""
        header = request.headers.get("delta-sharing-capabilities", "").lower()
        told = {key.strip(): value.split(",") for key, _, value in (part.partition("=") for part in header.split(";"))}
        formats = [value.strip() for value in told.get("responseformat", [])]
        ends = [value.strip() for value in told.get("includeendstreamaction", [])]
        return TableQuery("delta" in formats and "parquet" not in formats, bool(header), ends == ["true"])

    def header(self) -> dict[str, str]:
        """The answer's capabilities; none where none were asked for."""
        if not self.named:
            return {}
        told = f"responseformat={'delta' if self.delta else 'parquet'}"
        return {"delta-sharing-capabilities": told + (";includeendstreamaction=true" if self.end_stream else "")}


def answer(asked: TableQuery, version: int, lines: Iterable[dict[str, Any]], expires_ms: int | None = None) -> Response:
    """NDJSON, ASCII-escaped (a raw U+2028 ends a line for some readers), no blank last line, the version in its header."""
    told = [*lines, *([_end(expires_ms)] if asked.end_stream else [])]
    return Response("\n".join(map(_line, told)), headers=_headers(asked, version))


def answer_by_lines(
    asked: TableQuery,
    version: int,
    first: Sequence[dict[str, Any]],
    lines: AsyncIterator[tuple[dict[str, Any], int]],
    still: Callable[[], None],
) -> Response:
    """The same, its first lines at once, each other with its link's expiry (seconds) as soon as it comes. An error after that
    is told in the last line, to whom looks for one; others find the connection cut."""

    async def pieces() -> AsyncIterator[str]:
        yield "\n".join(map(_line, first))
        expires = 0
        async for line, ends in lines:
            yield "\n" + _line(line)
            expires = expires or ends
        if asked.end_stream:
            yield "\n" + _line(_end(expires * 1000))

    def failed(error: HubError) -> str:
        return "\n" + _line({"endStreamAction": {"errorMessage": str(error)}}) if asked.end_stream else ""

    return LinesResponse(pieces(), still=still, failed=failed, headers=_headers(asked, version))


def _line(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"))


def _end(expires_ms: int | None) -> dict[str, Any]:
    return {"endStreamAction": {"minUrlExpirationTimestamp": expires_ms} if expires_ms else {}}


def _headers(asked: TableQuery, version: int) -> dict[str, str]:
    return {"Content-Type": NDJSON, "Delta-Table-Version": str(version), **asked.header()}


def head(asked: TableQuery, reading: Reading, columns: Sequence[Column], **more: Any) -> list[dict[str, Any]]:
    """The first two lines of every answer."""
    schema = schema_string(reading.contract, columns)
    resource = reading.resource
    configuration = {"enableChangeDataFeed": "true"} if tells_changes(reading) else {}
    if asked.delta:
        metadata = {
            "id": resource.id,
            "name": resource.name,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [],
            "configuration": configuration,
        }
        return [
            {"protocol": {"deltaProtocol": {"minReaderVersion": 1, "minWriterVersion": 2}}},
            {"metaData": {"deltaMetadata": metadata, **more}},
        ]
    told = {
        "id": resource.id,
        "name": resource.title,
        "description": resource.abstract,
        "format": {"provider": "parquet"},
        "schemaString": schema,
        "partitionColumns": [],
        "configuration": configuration,
        **more,
    }
    return [{"protocol": {"minReaderVersion": 1}}, {"metaData": told}]


def file(asked: TableQuery, url: str, one: ExtractFile, expires: int, release: Release) -> dict[str, Any]:
    """One file of a version. `expires` in seconds since 1970."""
    told = {
        "id": one.id,
        "version": release.version,
        "timestamp": milliseconds(release),
        "expirationTimestamp": expires * 1000,
    }
    common = {"partitionValues": {}, "size": one.size, "stats": json.dumps({"numRecords": one.rows}, separators=(",", ":"))}
    if asked.delta:
        add = {"path": url, **common, "modificationTime": milliseconds(release), "dataChange": True}
        return {"file": {**told, "deltaSingleAction": {"add": add}}}
    return {"file": {"url": url, **told, **common}}


def change(kind: str, url: str, one: ExtractFile, expires: int, release: Release) -> dict[str, Any]:
    """A file of changes: `add` for a whole first version, `cdf` for what differs from the version before."""
    return {
        kind: {
            "url": url,
            "id": one.id,
            "partitionValues": {},
            "size": one.size,
            "timestamp": milliseconds(release),
            "version": release.version,
            "expirationTimestamp": expires * 1000,
        }
    }


def tells_changes(reading: Reading) -> bool:
    """Whether changes can be told: rows have a key, and the recipient sees it as it is."""
    key, view = reading.contract.key, reading.view
    return bool(key) and all(name in view.items and name not in view.masks for name in key)


def milliseconds(release: Release) -> int:
    """When a version was released, since 1970."""
    return int(release.released_at.timestamp() * 1000)


def schema_string(contract: Contract, columns: Sequence[Column]) -> str:
    """The schema as Spark writes it; every item may be empty, its title is the comment."""
    titles = {item.name: item.title for item in contract.items}
    fields = [
        {
            "name": column.name,
            "type": spark_type(column.type),
            "nullable": True,
            "metadata": {"comment": titles[column.name]} if titles.get(column.name) else {},
        }
        for column in columns
    ]
    return json.dumps({"type": "struct", "fields": fields}, separators=(",", ":"))


def spark_type(held: str) -> str:
    """Spark's word for a DuckDB type."""
    return held.lower().replace(" ", "") if held.startswith("DECIMAL") else TYPES[held]
