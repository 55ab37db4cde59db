"""Parquet as text: structs spread into columns, lists and maps as JSON, times in ISO 8601 with their zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import HubError
from contracts.inference.grid import unique_names
from contracts.sql import identifier, literal
from warehouse.readers.scratch import scratch_file
from warehouse.readers.source import Source

DEPTH = 6


class ParquetRefused(HubError):
    """A Parquet file that is broken, encrypted or has no columns."""


def open_parquet(path: Path, reading: Mapping[str, Any], *, folder: Path) -> Source:
    """A Parquet file as a source, read where it is; copied to scratch first where DuckDB would read another value."""
    types = schema(path)
    if not len(types):
        raise ParquetRefused(f"{path.name} 中没有任何列。", f"{path.name} has no columns.")
    scratch: tuple[Path, ...] = ()
    here = [field.name for field in types]
    if _misread(types):
        path, here = _copied(path, types, folder), [f"c{n}" for n in range(len(types))]
        scratch = (path,)
    fields = [leaf for name, field in zip(here, types, strict=True) for leaf in _leaves([field], place=identifier(name))]
    names = unique_names([name for name, _sql, _type in fields])
    selected = ", ".join(f"{sql} AS {identifier(name)}" for name, (_, sql, _type) in zip(names, fields, strict=True))
    relation = f"(SELECT {selected} FROM read_parquet({literal(str(path))}))"
    return Source(relation, names, "parquet", "", None, 0, dict(reading), scratch)


def _misread(types: pa.Schema) -> bool:
    """Whether DuckDB would not find a column by its name (`id` beside `ID`, twice the same, none), or not read its numbers:
    decimals of more than 38 digits come as others, without a word (1.5.5)."""
    names = [field.name.lower() for field in types]
    return len({*names}) < len(names) or "" in names or any(pa.types.is_decimal256(field.type) for field in types)


def _copied(path: Path, types: pa.Schema, folder: Path) -> Path:
    """The same rows with columns c0, c1 …, long decimals as text."""
    target = scratch_file(folder, ".parquet")
    kinds = [pa.string() if pa.types.is_decimal256(field.type) else field.type for field in types]
    plain = pa.schema([(f"c{n}", kind) for n, kind in enumerate(kinds)])
    with pq.ParquetWriter(target, plain) as writer:
        for batch in pq.ParquetFile(path).iter_batches():
            columns = [column.cast(kind) for column, kind in zip(batch.columns, kinds, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=plain))
    return target


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
    return frozenset(n for n, (_, _sql, kind) in zip(names, fields, strict=True) if _is_text(kind))


def decimals(path: Path) -> dict[str, tuple[int, int]]:
    """Columns that the file itself declares to be decimals, with precision and scale; those beyond 38 digits are not among
    them."""
    fields = list(_leaves(schema(path)))
    names = unique_names([name for name, _sql, _type in fields])
    kinds = {name: kind for name, (_, _sql, kind) in zip(names, fields, strict=True) if pa.types.is_decimal(kind)}
    return {
        name: (max(kind.precision, kind.scale), kind.scale)
        for name, kind in kinds.items()
        if kind.precision <= 38 and kind.scale >= 0
    }


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _leaves(
    fields: Any, sql: str = "", name: str = "", depth: int = 0, place: str = ""
) -> Iterator[tuple[str, str, pa.DataType]]:
    """Name, SQL and type of each column, structs spread; `place`: how SQL calls the field itself."""
    for field in fields:
        here = place or (f"{sql}.{identifier(field.name)}" if sql else identifier(field.name))
        path = f"{name}.{field.name}" if name else field.name
        if pa.types.is_struct(field.type) and depth < DEPTH and _told_apart(field.type):
            yield from _leaves([field.type.field(n) for n in range(field.type.num_fields)], here, path, depth + 1)
        else:
            yield path, _as_text(here, field.type), field.type


def _told_apart(struct: Any) -> bool:
    """Whether a struct's parts have names that SQL can tell apart; others stay JSON."""
    names = [struct.field(n).name.lower() for n in range(struct.num_fields)]
    return 0 < len(names) == len({*names} - {""})


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
