"""Reading and writing contracts: every fault of a document at once, with line, column and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import yaml

from contracts.model import Contract
from contracts.odcs import compile as build
from contracts.odcs import rules, standard
from contracts.odcs.document import Document
from contracts.odcs.findings import ContractFinding, Findings, InvalidContract

__all__ = ["ContractFinding", "InvalidContract", "dump", "parse", "read", "restore"]


def parse(text: str, source: str = "<text>") -> Contract:
    """The contract of an ODCS document; InvalidContract carries every finding, with its place in `source`."""
    document = Document(text, source)
    findings = Findings(source, document.places)
    findings.found.extend(document.findings)
    standard.validate(document.data, findings)
    if isinstance(document.data, Mapping):
        _judge(document.data, findings)
    findings.settle()
    return build.contract(document.data, text)


def _judge(document: Mapping[str, Any], findings: Findings) -> None:
    """The hub's own rules look at parts that the standard found wrong as well; where such a part has a shape that nobody
    foresaw, what the standard said about it is enough."""
    try:
        rules.judge(document, findings)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        if not findings.found:
            raise


def read(path: File) -> Contract:
    """The contract in a file; a file that is not there or not text is a finding too."""
    try:
        text = File(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(path, "不是 UTF-8 文本", "it is not UTF-8 text", "请另存为 UTF-8", "save it as UTF-8") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise _unreadable(
            path, f"无法读取：{reason}", f"it cannot be read: {reason}", "请核对路径和权限", "check path and rights"
        ) from error
    return parse(text, str(path))


def _unreadable(path: File, zh: str, en: str, instead: str, instead_en: str) -> InvalidContract:
    return InvalidContract([ContractFinding(str(path), 1, 1, "$", zh, en, instead, instead_en)])


def restore(text: str) -> Contract:
    """The contract of a text that parse found right before (the catalogue's own): a tenth of the time, nothing checked."""
    return build.contract(Document(text, "<catalogue>").data, text)


ORDER = (
    "apiVersion", "kind", "id", "name", "version", "status", "tenant", "domain", "description", "purpose", "usage",
    "limitations", "schema", "physicalName", "logicalType", "businessName", "primaryKey", "primaryKeyPosition", "required",
    "unique", "classification", "logicalTypeOptions", "relationships", "type", "engine", "metric", "property", "value",
    "examples", "properties", "quality", "slaProperties", "customProperties",
)  # fmt: skip
_RANK = {name: n for n, name in enumerate(ORDER)}
_FIRST = {"name": -1}


def dump(document: Mapping[str, Any]) -> str:
    """A document as YAML: the same order every time, Chinese as it is, small lists and options on one line."""
    return str(
        yaml.dump(_ordered(document, top=True), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120, indent=2)
    )


def _ordered(part: Any, *, top: bool = False) -> Any:
    if isinstance(part, Mapping):
        rank = _RANK if top else {**_RANK, **_FIRST}
        keys = sorted(part, key=lambda k: (rank.get(k, len(ORDER)), list(part).index(k)))
        return {k: _ordered(part[k]) for k in keys if part[k] is not None}
    return [_ordered(p) for p in part] if isinstance(part, list | tuple) else part


class _Dumper(yaml.SafeDumper):
    """Quotes whatever another YAML reader could take for a number, date or boolean."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[^\W\d][\w.-]*(?: [\w.-]+)*", text) is not None
    safe = plain and dumper.resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if safe else '"')


def _represent_mapping(dumper: _Dumper, data: Mapping[str, Any]) -> yaml.MappingNode:
    small = all(not isinstance(v, dict | list) or _flat(v) for v in data.values()) and len(str(data)) < 100
    flow = small and ("property" in data or not any(k in data for k in ("name", "purpose", "id", "apiVersion")))
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=flow)


def _flat(value: Any) -> bool:
    return isinstance(value, list) and all(not isinstance(v, dict | list) for v in value)


def _represent_list(dumper: _Dumper, data: list[Any]) -> yaml.SequenceNode:
    flow = _flat(data) and len(str(data)) < 100
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_representer(list, _represent_list)
