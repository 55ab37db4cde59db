"""YAML text to plain data that knows the line of each part. Strings stay strings (YAML 1.2), duplicate keys are findings."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from contracts.odcs.findings import ContractFinding, InvalidContract, Path, Place, spell

MAX_BYTES = 4 * 2**20
MAX_NODES = 200_000
"""Aliases can make a small text huge; a contract of 3,000 items has some 100,000 nodes."""
MAX_DEPTH = 60

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Document:
    """Plain data, the places of its parts, and findings about the text itself."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.places: dict[Path, Place] = {}
        self.findings: list[ContractFinding] = []
        self._nodes = 0
        self.data = self._make(self._compose(text), (), 0, ())

    def _compose(self, text: str) -> yaml.Node:
        if len(text) > MAX_BYTES:
            raise self._broken(1, 1, "文件过大", "the file is too large", f"≤ {MAX_BYTES >> 20} MB", f"≤ {MAX_BYTES >> 20} MB")
        try:
            self._require_shallow(text)
            documents = list(yaml.compose_all(text, _Loader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise self._broken(
                line,
                column,
                f"YAML 语法错误：{error.problem or error.context}",
                f"YAML syntax error: {error.problem or error.context}",
                "请检查缩进、引号、冒号后的空格和制表符",
                "check indentation, quotes, the space after a colon, and tabs",
            ) from None
        except (yaml.YAMLError, RecursionError, UnicodeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise self._broken(
                1, 1, f"YAML 无法读取：{reason}", f"unreadable YAML: {reason}", "请用 UTF-8 文本保存", "save it as UTF-8 text"
            ) from None
        if len(documents) != 1 or documents[0] is None:
            raise self._broken(
                1,
                1,
                "文件应恰好有一个 YAML 文档",
                "the file must hold exactly one YAML document",
                "一个契约一个文件",
                "write one contract in one file",
            )
        return documents[0]

    def _require_shallow(self, text: str) -> None:
        """Events come one by one; composing recurses in C, and a thousand levels too many end the process."""
        depth = 0
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH + 1:
                mark = event.start_mark
                raise self._too_far(mark.line + 1, mark.column + 1) if mark else self._too_far(1, 1)

    def _too_far(self, line: int, column: int) -> InvalidContract:
        zh, en = "嵌套过深或引用（&、*）展开过大", "nested too deeply, or its aliases (&, *) expand too far"
        return self._broken(line, column, zh, en, "请直接写出内容", "write the parts out")

    def _broken(self, line: int, column: int, zh: str, en: str, instead: str, instead_en: str) -> InvalidContract:
        return InvalidContract([ContractFinding(self.source, line, column, "$", zh, en, instead, instead_en)])

    def _make(self, node: yaml.Node, path: Path, depth: int, above: tuple[int, ...]) -> Any:
        self._nodes += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH or id(node) in above:
            raise self._too_far(line, column)
        self.places.setdefault(path, (line, column))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth, (*above, id(node)))
        if isinstance(node, yaml.SequenceNode):
            below = (*above, id(node))
            return [self._make(child, (*path, n), depth + 1, below) for n, child in enumerate(node.value)]
        return self._scalar(node.value, getattr(node, "style", None))

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int, above: tuple[int, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._broken(
                    mark.line + 1, mark.column + 1, "键应为文本", "a key must be text", "请改为文本键", "write a text key"
                )
            key = str(key_node.value)
            here = (*path, key)
            if key in mapping:
                first = self.places[here][0]
                self.findings.append(
                    ContractFinding(
                        self.source,
                        mark.line + 1,
                        mark.column + 1,
                        spell(here),
                        f"键 {key} 重复，第 {first} 行已有",
                        f"the key {key} is repeated, line {first} has it already",
                        "请只保留一个",
                        "keep one of them",
                    )
                )
                continue
            self.places[here] = (mark.line + 1, mark.column + 1)
            mapping[key] = self._make(value_node, here, depth + 1, above)
        return mapping

    def _scalar(self, text: str, style: str | None) -> Any:
        if style:
            return text
        if text in _WORDS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if _INT.match(text) and len(text) < 30:
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            return number if math.isfinite(number) else text
        return text
