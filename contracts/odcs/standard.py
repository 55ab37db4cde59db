"""The Open Data Contract Standard's own JSON Schema (v3.1.0, in the package open-data-contract-standard), spoken plainly.

The schema leaves some objects open (description, logicalTypeOptions without a type); keys that it does not name are found
here by walking the schema, so that nested ones are found too. The standard's Python library would drop them silently.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from jsonschema_rs import Draft201909Validator

from contracts.odcs.findings import Findings, Path
from contracts.suggest import choose, did_you_mean, like

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# jsonschema, whose errors can be explained, is imported where there is one: a hundred times as slow as jsonschema-rs, which
# says whether there is.

VERSION = "v3.1.0"
PACKAGE = "open-data-contract-standard"


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema as the package ships it; read without importing the package's models."""
    where = distribution(PACKAGE).locate_file("open_data_contract_standard/schema.json")
    loaded: dict[str, Any] = json.loads(File(str(where)).read_text(encoding="utf-8"))
    return loaded


@cache
def _validator() -> Draft201909Validator:
    return Draft201909Validator(schema())


@cache
def _condition(text: str) -> Draft201909Validator:
    return Draft201909Validator(text)


def validate(document: Any, findings: Findings) -> None:
    """Add a finding for everything that the standard does not allow."""
    if not isinstance(document, Mapping):
        findings.add(
            (), ("契约应为键值对", "a contract must be a mapping"), ("以 apiVersion: v3.1.0 开头", "begin with apiVersion")
        )
        return
    _unknown_keys(document, schema(), (), findings)
    if not _meets(_validator(), document):
        from jsonschema import Draft201909Validator as Explained

        for error in Explained(schema()).iter_errors(document):
            _explain(error, findings)


def _meets(validator: Draft201909Validator, value: Any) -> bool:
    try:
        return validator.is_valid(value)
    except ValueError:  # no JSON: a key that is a number, a date
        return False


def _resolve(part: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = part.get("$ref")
    if not ref:
        return part
    target: Any = schema()
    for step in ref.removeprefix("#/").split("/"):
        target = target[step]
    return {**target, **{k: v for k, v in part.items() if k != "$ref"}} if len(part) > 1 else target


def _branches(part: Mapping[str, Any], value: Any) -> Iterator[Mapping[str, Any]]:
    """A schema part and everything that applies beside it to this value: $ref, allOf, anyOf, oneOf, if-then."""
    if "$ref" in part:
        yield from _branches(_resolve({"$ref": part["$ref"]}), value)
    yield part
    for sub in part.get("allOf", ()):
        yield from _branches(sub, value)
    for keyword in ("anyOf", "oneOf"):
        for sub in part.get(keyword, ()):
            yield from _branches(sub, value)
    if "if" in part and "then" in part and _meets(_condition(json.dumps(part["if"])), value):
        yield from _branches(part["then"], value)


def _unknown_keys(value: Any, part: Mapping[str, Any], path: Path, findings: Findings) -> None:
    parts = list(_branches(part, value))
    if isinstance(value, list):
        for sub in (p["items"] for p in parts if "items" in p):
            for n, child in enumerate(value):
                _unknown_keys(child, sub, (*path, n), findings)
            break
    if not isinstance(value, Mapping):
        return
    known: dict[str, Any] = {}
    for p in parts:
        for key, sub in p.get("properties", {}).items():
            known[key] = sub if len(sub) > len(known.get(key, ())) or "properties" in sub else known[key]
    for key, child in value.items():
        if key in known:
            _unknown_keys(child, known[key], (*path, key), findings)
        elif known:
            _say_unknown(str(key), known, (*path, key), findings)


def _say_unknown(key: str, known: Mapping[str, Any], path: Path, findings: Findings) -> None:
    zh, en = did_you_mean(key, known)
    if not like(key, known):
        zh, en = f"{zh}；本枢纽的扩展写在 customProperties 下", f"{en}; extensions of this hub go under customProperties"
    findings.add(path, (f"标准中没有 {key}", f"the standard has no {key} here"), (zh, en))


TYPES = {
    "string": ("文本", "text"),
    "integer": ("整数", "an integer"),
    "number": ("数字", "a number"),
    "boolean": ("true 或 false", "true or false"),
    "array": ("列表（每项以 - 开头）", "a list (each entry begins with -)"),
    "object": ("键值对", "a mapping"),
    "null": ("空", "nothing"),
}


def _explain(error: ValidationError, findings: Findings) -> None:
    path: Path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        if not findings.under(path):
            findings.add(path, ("有标准不允许的键", error.message), ("请删除或改写", "remove or rewrite it"))
        return
    if keyword in ("oneOf", "anyOf") and error.context:
        _explain_choice(error, path, findings)
        return
    said = _SAY.get(keyword)
    if said is None:
        findings.add(path, (f"不符合标准（{keyword}）", f"does not meet the standard ({keyword}): {error.message[:200]}"))
        return
    said(error, path, findings)


def _explain_choice(error: ValidationError, path: Path, findings: Findings) -> None:
    if "DataQualityOperators" in str(list(error.absolute_schema_path)) or _is_operator(error):
        names = [next(iter(p["required"])) for p in error.validator_value]
        given = [n for n in names if isinstance(error.instance, Mapping) and n in error.instance]
        if len(given) != 1:
            listed = choose(names)
            findings.add(
                path,
                (f"应恰好写一个比较条件，现有 {len(given)} 个", f"exactly one comparison is needed, {len(given)} given"),
                (f"从中选一个：{listed}", f"choose one of {listed}"),
            )
            return
    from jsonschema.exceptions import best_match

    best = best_match(iter(error.context or ()))
    if best is not None and best is not error:
        _explain(best, findings)


def _is_operator(error: ValidationError) -> bool:
    return isinstance(error.validator_value, list) and any("mustBe" in p.get("required", ()) for p in error.validator_value)


def _say_required(error: ValidationError, path: Path, findings: Findings) -> None:
    for name in error.validator_value:
        if isinstance(error.instance, Mapping) and name not in error.instance:
            near = like(str(name), (k for k in error.instance if k not in ("name",)))
            hint = (f"，{near} 是否应为 {name}？", f"; should {near} be {name}?") if near else ("", "")
            findings.add(
                path, (f"缺少 {name}", f"{name} is missing"), (f"请写 {name}: …{hint[0]}", f"write {name}: …{hint[1]}")
            )


def _say_type(error: ValidationError, path: Path, findings: Findings) -> None:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    zh = "或".join(TYPES[str(w)][0] for w in wanted)
    en = " or ".join(TYPES[str(w)][1] for w in wanted)
    shown = _shown(error.instance)
    instead = ("", "")
    if "string" in wanted and isinstance(error.instance, int | float):
        instead = (f"请加引号：'{shown}'", f"put it in quotes: '{shown}'")
    elif "boolean" in wanted:
        instead = ("请写 true 或 false", "write true or false")
    findings.add(path, (f"应为{zh}，现为 {shown}", f"must be {en}, this is {shown}"), instead)


def _say_enum(error: ValidationError, path: Path, findings: Findings) -> None:
    known = [str(v) for v in error.validator_value]
    shown = _shown(error.instance)
    near = like(shown, known)
    hint = (f"；是否想写 {near}？", f"; did you mean {near}?") if near else ("", "")
    listed = choose(known, 30)
    findings.add(
        path, (f"{shown} 不是允许的值", f"{shown} is not allowed"), (f"可用：{listed}{hint[0]}", f"one of: {listed}{hint[1]}")
    )


def _say_pattern(error: ValidationError, path: Path, findings: Findings) -> None:
    shown, form = _shown(error.instance), error.validator_value
    findings.add(path, (f"{shown} 写法不对", f"{shown} is not written right"), (f"应符合 {form}", f"it must match {form}"))


def _say_limit(error: ValidationError, path: Path, findings: Findings) -> None:
    words = {
        "minimum": ("不得小于", "at least"),
        "maximum": ("不得大于", "at most"),
        "exclusiveMinimum": ("应大于", "above"),
        "minItems": ("至少项数", "entries at least"),
        "maxItems": ("至多项数", "entries at most"),
        "minLength": ("至少字符数", "characters at least"),
    }
    zh, en = words.get(str(error.validator), ("应满足", "must meet"))
    limit = error.validator_value
    findings.add(
        path,
        (f"{_shown(error.instance)} 超出范围", f"{_shown(error.instance)} is out of range"),
        (f"{zh} {limit}", f"{en} {limit}"),
    )


def _say_unique(error: ValidationError, path: Path, findings: Findings) -> None:
    findings.add(path, ("列表中有重复项", "the list repeats an entry"), ("请删除重复项", "remove the repeats"))


def _say_not(error: ValidationError, path: Path, findings: Findings) -> None:
    names = error.validator_value.get("required", []) if isinstance(error.validator_value, Mapping) else []
    listed = choose(names)
    findings.add(path, (f"此处不得写 {listed}", f"{listed} is not allowed here"), (f"请删除 {listed}", f"remove {listed}"))


_SAY = {
    "required": _say_required,
    "type": _say_type,
    "enum": _say_enum,
    "pattern": _say_pattern,
    "minimum": _say_limit,
    "maximum": _say_limit,
    "exclusiveMinimum": _say_limit,
    "minItems": _say_limit,
    "maxItems": _say_limit,
    "minLength": _say_limit,
    "uniqueItems": _say_unique,
    "not": _say_not,
}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
