"""The API's write routes, made from the table of acts: each takes its act's input and answers its act's result."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo
from starlette.responses import Response

from api.http import errors
from api.http.dependencies import HubDep, KeyHolder
from api.v1 import jobs
from api.v1.jobs import Prefer
from catalog.identity.people import Subject
from hub import acts, repeats
from hub.acts import ABSENT, Act
from hub.hub import Hub
from hub.table import ACTS

KEY = Header(alias="Idempotency-Key", max_length=200, description="The same request under the same key is done once.")

errors.also(repeats.UnderWay, 409, "under-way")
errors.also(repeats.OtherRequest, 422, "idempotency-key-used")
errors.also(repeats.ShownOnce, 409, "shown-once")


def router() -> APIRouter:
    """A route for every act that has one."""
    made = APIRouter()
    for act in ACTS.values():
        if not act.api.startswith(ABSENT) and not act.streams:
            _add(made, act)
    return made


def _add(router: APIRouter, act: Act) -> None:
    method, _, path = act.api.partition(" ")
    router.add_api_route(
        path,
        _endpoint(act),
        methods=[method],
        response_model=None if act.long else act.gives,
        summary=act.title[1].capitalize(),
        description=inspect.getdoc(act.does),
        operation_id=act.name,
        tags=["acts"],
        responses={404: {}, 409: {}, **(jobs.answers(act) if act.long else {})},  # what the body names may be unknown
        status_code=202 if act.long else 200,
    )


def _endpoint(act: Act) -> Callable[..., BaseModel | Response]:
    """A handler whose parameters are the act's: those in its address, a body of the others; a query, where one only looks."""
    fields = act.takes.model_fields
    rest = {name: (field.annotation, field) for name, field in fields.items() if name not in act.places}
    body: Any = create_model(act.takes.__name__, __doc__=act.takes.__doc__, **rest) if rest else None  # type: ignore[call-overload]

    def endpoint(hub: Hub, subject: Subject, key: str = "", **given: Any) -> BaseModel | Response:
        payload = given.pop("body").model_dump() if body else {}
        if act.long:
            request, prefer = given.pop("request"), given.pop("prefer")
            job = repeats.perform(hub, subject, act, acts.given(act.takes, **payload, **given), key)
            return jobs.answer(request, hub, job, prefer)
        return repeats.perform(hub, subject, act, acts.given(act.takes, **payload, **given), key)

    parameters = [_parameter("hub", HubDep), _parameter("subject", KeyHolder)]
    parameters += [_parameter(place, Annotated[fields[place].annotation, _path(fields[place])]) for place in act.places]
    if act.api.startswith("GET "):
        parameters += [_parameter("body", Annotated[body, Query()])] if body else []
    else:
        parameters += [_parameter("body", body)] if body else []
        parameters += [_parameter("key", Annotated[str, KEY], "")]
    parameters += [_parameter("request", Request), _parameter("prefer", Prefer, "")] if act.long else []
    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return endpoint


def _path(field: FieldInfo) -> Any:
    """A field of the input as part of the address, with its limits."""
    made = Path(description=field.description or "")
    made.metadata = field.metadata
    return made


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
