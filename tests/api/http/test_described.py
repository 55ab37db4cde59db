"""The API is as it describes itself, for every identity: generated requests, good and bad ones, break no promise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.sharing import Hub

IDENTITIES = ("", "partner", "other", "analyst", "steward", "auditor", "administrator")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 3
"""Of each operation and kind of data; the seed is fixed, so that a build fails for its own change only."""
AS_EACH = 4
"""Identities that ask with the same example, each example with the next ones: every identity asks every operation."""
PARTS = 4
KNOWN: dict[str, Any] = {"name": "hazard", "version": 1, "number": 0, "key": "MH-0002"}


def described(hub: Hub) -> Any:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", hub.client.app)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_operation_keeps_its_promises(hub: Hub, part: int) -> None:
    """Status, media type and schema of each answer stand in the description; half of the requests name what is there."""
    broken: list[str] = []
    for result in list(described(hub).get_all_operations())[part::PARTS]:
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _ask(hub, operation, mode)
            except Unsatisfiable:  # it takes any text: no wrong data can be made for it
                continue
            except Exception as error:
                broken.append(f"{operation.label} {mode.value}: {type(error).__name__} {str(error)[:1500]}")
    assert not broken, "\n\n".join(broken[:3])


def _ask(hub: Hub, operation: Any, mode: GenerationMode) -> None:
    asking = itertools.cycle(IDENTITIES)

    @seed(20260311)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        _check(hub, case, asking)
        if mode is GenerationMode.POSITIVE and set(case.path_parameters or {}) & set(KNOWN):
            case.path_parameters = {name: KNOWN.get(name, value) for name, value in case.path_parameters.items()}
            _check(hub, case, asking)

    ask()


def _check(hub: Hub, case: Any, asking: Iterator[str]) -> None:
    generated = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    for who in itertools.islice(asking, AS_EACH):
        case.headers = dict(generated)
        case.validate_response(case.call(headers=hub.auth(who)), checks=CHECKS)


def test_each_problem_is_described_as_it_is_sent(hub: Hub) -> None:
    told = hub.get("/api/v1/openapi.json").json()
    for path, operations in told["paths"].items():
        for operation in operations.values():
            problems = {status: one for status, one in operation["responses"].items() if int(status) >= 400}
            for status, one in problems.items():
                if (path, status) != ("/ready", "503"):
                    assert list(one["content"]) == ["application/problem+json"], (path, status)
    rows = told["paths"]["/api/v1/resources/{name}/rows"]["get"]["responses"]
    assert {"400", "401", "403", "404", "406", "422"} <= rows.keys()
    assert "HTTPValidationError" not in str(told)
