"""Parquet as text: structs spread into columns, lists and maps as JSON, times in ISO 8601 with their zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import HubError
from contracts.grid import unique_names
from warehouse.readers.scratch import identifier, text
from warehouse.readers.source import Source

DEPTH = 6


class ParquetRefused(HubError):
    """A Parquet file that is broken, encrypted or has no columns."""


def open_parquet(path: Path, reading: Mapping[str, Any]) -> Source:
    """A Parquet file as a source, read where it is."""
    fields = list(_leaves(schema(path)))
    if not fields:
        raise ParquetRefused(f"{path.name} 中没有任何列。", f"{path.name} has no columns.")
    names = unique_names([name for name, _sql, _type in fields])
    selected = ", ".join(f"{sql} AS {identifier(name)}" for name, (_, sql, _type) in zip(names, fields, strict=True))
    relation = f"(SELECT {selected} FROM read_parquet({text(str(path))}))"
    return Source(relation, names, "parquet", "", None, 0, dict(reading))


def schema(path: Path) -> pa.Schema:
    """The file's own schema."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ParquetRefused(
            f"{path.name} 不是完整的 Parquet 文件（{reason}）。请重新导出。",
            f"{path.name} is not a whole Parquet file ({reason}). Export it again.",
        ) from error


def text_columns(path: Path) -> frozenset[str]:
    """Columns that the file itself declares to be text: what looks like a number in them is an identifier."""
    fields = list(_leaves(schema(path)))
    names = unique_names([name for name, _sql, _type in fields])
    return frozenset(
        n
        for n, (_, _sql, kind) in zip(names, fields, strict=True)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )


def _leaves(fields: Any, sql: str = "", name: str = "", depth: int = 0) -> Iterator[tuple[str, str, pa.DataType]]:
    for field in fields:
        here = f"{sql}.{identifier(field.name)}" if sql else identifier(field.name)
        told = f"{name}.{field.name}" if name else field.name
        if pa.types.is_struct(field.type) and depth < DEPTH:
            yield from _leaves([field.type.field(n) for n in range(field.type.num_fields)], here, told, depth + 1)
        else:
            yield told, _as_text(here, field.type), field.type


def _as_text(sql: str, kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"strftime({sql} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    if pa.types.is_nested(kind):
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return f"hex({sql})"
    return f"nullif(CAST({sql} AS VARCHAR), '')"
