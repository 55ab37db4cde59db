"""Errors as HTTP: one table from the hub's error classes to problem details (RFC 9457), in Chinese or English."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.http.dependencies import KeyNotValid, TooManyAttempts
from api.http.language import language_of
from catalog.access import Refused
from catalog.access.grants import InvalidGrant, UnknownGrant
from catalog.acquisition.agreements import UnknownAgreement
from catalog.acquisition.negotiation import InvalidStep, WrongTerm
from catalog.audit import chain, groups
from catalog.deliveries.batches import UnknownBatch
from catalog.entries.contracts import ImmutableContract, UnknownContract, WrittenByModel
from catalog.entries.editing import WrongFields
from catalog.entries.onboardings import NotOpen, UnknownOnboarding
from catalog.entries.packs import PackConflict, UnknownPack
from catalog.entries.resources import InvalidEntry, UnknownResource, WrongState
from catalog.identity.organizations import InvalidOrganization, UnknownOrganization
from catalog.identity.passwords import SignInBusy
from catalog.identity.people import InvalidPerson, UnknownKey, UnknownPerson
from catalog.identity.signins import UnknownSession
from catalog.releases.releases import InvalidRelease, RecalledRelease, UnknownRelease, UnpublishedEntry
from catalog.store import database
from channels.registry import InvalidChannel
from contracts.checks.code_lists import CodeListMissing
from contracts.errors import HubError
from contracts.odcs.findings import InvalidContract
from contracts.packs.errors import InvalidPack
from hub.acts import InvalidInput
from hub.channels import NoSuchChannel
from hub.contracts import BreakingChange
from hub.explain import UnknownItem
from hub.file_answers import UnusableAnswer
from hub.jobs import AccessEnded, JobOver, ProcessEnded, UnknownJob
from hub.needs import AlreadyThere
from hub.onboarding import NameTaken, StillOpen
from warehouse.ingest.acts import ReasonMissing
from warehouse.ingest.senders import OtherSender
from warehouse.serving.extract_room import NoRoom
from warehouse.serving.extracts import Rearranged
from warehouse.serving.query_workers import LakeBusy, QueryEnded, QueryTooLarge
from warehouse.serving.sandbox import QueryTooSlow
from warehouse.serving.sql_rewrite import QueryInvalid, QueryRefused
from warehouse.serving.view_sql import ItemMissing, SnapshotGone, TableMissing
from warehouse.storage.connection import LakeAway, LakeMissing, WriterBusy
from warehouse.storage.landing import DiskFull

log = logging.getLogger("hui.api")

TABLE: dict[type[HubError], tuple[int, str]] = {
    KeyNotValid: (401, "key-not-valid"),
    TooManyAttempts: (429, "too-many-attempts"),
    SignInBusy: (503, "sign-in-busy"),
    UnknownSession: (404, "unknown-session"),
    Refused: (403, "refused"),
    OtherSender: (403, "other-sender"),
    UnknownResource: (404, "unknown-resource"),
    UnknownAgreement: (404, "unknown-agreement"),
    InvalidStep: (409, "step-not-possible"),
    WrongTerm: (422, "wrong-term"),
    NoSuchChannel: (404, "unknown-channel"),
    InvalidChannel: (422, "invalid-channel"),
    UnknownBatch: (404, "unknown-batch"),
    ReasonMissing: (422, "reason-missing"),
    InvalidInput: (422, "invalid-parameters"),
    UnknownJob: (404, "unknown-job"),
    JobOver: (409, "job-over"),
    AccessEnded: (403, "access-ended"),
    ProcessEnded: (500, "process-ended"),
    UnknownContract: (404, "unknown-resource"),
    InvalidPack: (422, "invalid-pack"),
    UnknownPack: (404, "unknown-pack"),
    PackConflict: (409, "pack-conflict"),
    InvalidContract: (422, "invalid-contract"),
    UnknownItem: (404, "unknown-item"),
    CodeListMissing: (409, "code-list-missing"),
    ImmutableContract: (409, "immutable-contract"),
    WrittenByModel: (409, "written-by-model"),
    BreakingChange: (409, "breaking-change"),
    UnknownOnboarding: (404, "unknown-onboarding"),
    NotOpen: (409, "not-open"),
    StillOpen: (409, "still-open"),
    AlreadyThere: (409, "already-there"),
    NameTaken: (409, "name-taken"),
    UnusableAnswer: (422, "unusable-answer"),
    InvalidEntry: (422, "invalid-entry"),
    WrongFields: (422, "invalid-entry"),
    WrongState: (409, "wrong-state"),
    UnknownGrant: (404, "unknown-grant"),
    UnknownRelease: (404, "unknown-version"),
    RecalledRelease: (403, "recalled-version"),
    InvalidGrant: (422, "invalid-grant"),
    InvalidRelease: (422, "invalid-version"),
    UnpublishedEntry: (409, "entry-not-published"),
    UnknownPerson: (404, "unknown-person"),
    InvalidPerson: (422, "invalid-person"),
    UnknownKey: (404, "unknown-key"),
    UnknownOrganization: (404, "unknown-organization"),
    InvalidOrganization: (422, "invalid-organization"),
    QueryInvalid: (400, "invalid-query"),
    QueryRefused: (400, "query-refused"),
    QueryTooSlow: (400, "query-too-slow"),
    QueryTooLarge: (400, "query-too-large"),
    Rearranged: (503, "rearranged"),
    NoRoom: (507, "no-room"),
    DiskFull: (507, "no-room"),
    LakeBusy: (503, "too-many-queries"),
    QueryEnded: (503, "query-ended"),
    TableMissing: (404, "no-data-yet"),
    SnapshotGone: (404, "version-gone"),
    ItemMissing: (404, "no-items"),
    LakeMissing: (503, "no-lake"),
    WriterBusy: (503, "lake-busy"),
    LakeAway: (503, "lake-away"),
}
"""Status and type of each error; a class not listed goes by its nearest base class, else 400."""

TITLES = {
    400: ("请求有误", "The request is wrong"),
    401: ("需要有效的身份", "A valid identity is needed"),
    403: ("没有权限", "Not permitted"),
    404: ("没有找到", "Not found"),
    405: ("方法不可用", "Method not allowed"),
    406: ("没有所要的格式", "Not available in that format"),
    408: ("等待超时", "Waited too long"),
    409: ("与现状冲突", "Not possible as things stand"),
    410: ("已停止提供", "No longer available"),
    413: ("内容过大", "Too large"),
    414: ("网址过长", "Address too long"),
    415: ("不支持的内容类型", "Content type not supported"),
    416: ("范围不可用", "Range not satisfiable"),
    422: ("内容不符合要求", "The content does not fit"),
    429: ("请求过于频繁", "Too many requests"),
    500: ("平台内部错误", "The hub failed"),
    507: ("存储空间不足", "Out of room"),
    503: ("暂时不可用", "Unavailable for the moment"),
}


def also(kind: type[HubError], status: int, name: str) -> None:
    """Put an error of a module of this room into the table (it imports this one, not the other way round)."""
    TABLE[kind] = (status, name)


def status_of(error: HubError) -> tuple[int, str]:
    """HTTP status and problem type of an error."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return 400, "error"


def status_of_classes(classes: Sequence[str]) -> tuple[int, str]:
    """HTTP status and problem type of an error that is known by the names of its classes, its own first; 500 for none."""
    known = {f"{kind.__module__}.{kind.__qualname__}": answer for kind, answer in TABLE.items()}
    return next((known[name] for name in classes if name in known), (400, "error") if classes else (500, "internal"))


def problem(request: Request, status: int, kind: str, detail: str, **more: Any) -> JSONResponse:
    """A problem document; `more` are members of its own."""
    chinese = language_of(request) == "zh"
    titles = TITLES.get(status, (HTTPStatus(status).phrase, HTTPStatus(status).phrase))
    told = {
        "type": f"urn:hui:problem:{kind}",
        "title": titles[0] if chinese else titles[1],
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **more,
    }
    headers = {"Content-Language": "zh-CN" if chinese else "en", "Vary": "Accept-Language"}
    return JSONResponse(told, status, headers, media_type="application/problem+json; charset=utf-8")


def install(app: FastAPI) -> None:
    """Give the application its error handlers."""
    app.add_exception_handler(HubError, hub_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(OperationalError, database_away)
    app.add_exception_handler(InterfaceError, database_away)
    app.add_exception_handler(Exception, unexpected)


def database_away(request: Request, error: Exception) -> Response:
    """The database fell, or moves to another server: the next request has a new connection, this one may be asked again."""
    if not getattr(error, "connection_invalidated", False) and "connect" not in str(error).lower():
        return unexpected(request, error)
    log.error("%s %s: the database is away", request.method, request.url.path, exc_info=error)
    chinese = language_of(request) == "zh"
    detail = "数据库暂时不可用，请稍后重试。" if chinese else "The database is away for the moment; try again."
    answer = problem(request, 503, "database-away", detail)
    answer.headers["Retry-After"] = "5"
    return answer


def hub_error(request: Request, error: Exception) -> Response:
    """An error meant for people. A refusal goes on record in a transaction of its own: the request's was rolled back."""
    assert isinstance(error, HubError)  # noqa: S101 - registered for this class only
    status, kind = status_of(error)
    on_record(request, error)
    if isinstance(error, Refused):
        status = 401 if error.subject.kind == "anonymous" else 403
    answer = problem(request, status, kind, error.said(language_of(request)), **_members(error))
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    answer.headers.update(retry_after(error))
    return answer


def retry_after(error: HubError) -> dict[str, str]:
    """When to come again, where the error knows."""
    seconds = getattr(error, "seconds", None)
    return {"Retry-After": str(seconds)} if isinstance(seconds, int) else {}


def on_record(request: Request, error: HubError) -> None:
    """Leave on record what was refused: by a policy, at the end of a link's right, and a key of ours that opens nothing."""
    refusal = error if isinstance(error, Refused) else error.__cause__
    if isinstance(refusal, Refused):
        if not refusal.on_record:
            record_refusal(request, refusal)
    elif isinstance(error, KeyNotValid) and error.prefix:
        _record(request, actor=f"key:{error.prefix}", action="authenticate", outcome="refused", detail=_where(request))


def record_refusal(request: Request, error: Refused) -> None:
    """Leave the refusal on record."""
    _record(
        request,
        actor=error.subject.actor,
        organization_id=error.subject.organization_id,
        action=error.action,
        object=error.thing,
        purpose=error.decision.purpose,
        outcome="refused",
        policies=error.decision.policies,
        detail=_where(request),
    )


def _record(request: Request, **fields: Any) -> None:
    engine = database.engine(request.app.state.settings.catalog_database)
    groups.of(engine).record(chain.draft(**fields))


def _where(request: Request) -> dict[str, str]:
    return {"path": request.url.path[:500], "address": request.client.host if request.client else ""}


def validation_error(request: Request, error: Exception) -> Response:
    """Parameters or a body that do not fit their description: each one named."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [{"where": ".".join(str(p) for p in one["loc"]), "message": one["msg"]} for one in error.errors()]
    chinese = language_of(request) == "zh"
    detail = ("参数有误：" if chinese else "Wrong parameters: ") + "; ".join(f"{f['where']}: {f['message']}" for f in faults)
    return problem(request, 422, "invalid-parameters", detail, errors=faults)


def http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths, methods."""
    assert isinstance(error, HTTPException)  # noqa: S101
    answer = problem(request, error.status_code, "http", str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: the caller gets a reference number, the log the rest."""
    reference = secrets.token_hex(4)
    log.error("unexpected error %s at %s", reference, request.url.path, exc_info=error)
    chinese = language_of(request) == "zh"
    detail = f"平台内部错误，参考号 {reference}。" if chinese else f"The hub failed; reference {reference}."
    return problem(request, 500, "internal", detail, reference=reference)


def _members(error: HubError) -> dict[str, Any]:
    if isinstance(error, Refused):
        return {"policies": list(error.decision.policies), "action": error.action}
    if isinstance(error, WrongFields):
        return {"errors": [{"where": field, "message": en, "message_zh": zh} for field, (zh, en) in error.faults.items()]}
    if isinstance(error, InvalidContract):
        return {"findings": [asdict(one) for one in error.findings]}
    if isinstance(error, AlreadyThere):
        return {"matches": [one.model_dump() for one in error.matches]}
    return {}
