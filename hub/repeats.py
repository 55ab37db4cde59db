"""A request that comes twice is done once: the second one is answered what the first one was (Idempotency-Key)."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from catalog.identity.people import Subject
from catalog.store import repeats
from contracts.errors import HubError
from hub import jobs
from hub.acts import Act
from hub.hub import Hub
from hub.jobs import JobState
from warehouse.storage.installation_key import secret


class UnderWay(HubError):
    """The first request under that key is not at its end."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"幂等键 {key} 的请求正在办理，请稍后再试；久无结果时请查看是否已办成，再换一个键。",
            f"The request under the idempotency key {key} is under way; try again. If it stays so, see whether it was done "
            "and use a new key.",
        )
        self.seconds = 5


class OtherRequest(HubError):
    """The key was used for something else."""

    def __init__(self, key: str, act: str) -> None:
        super().__init__(
            f"幂等键 {key} 已用于另一项请求（{act}），请换一个。",
            f"The idempotency key {key} was used for another request ({act}); use a new one.",
        )


class ShownOnce(HubError):
    """What was asked for holds a secret that the hub does not keep."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"幂等键 {key} 的请求已办成；其中的密钥只显示一次，平台不留存。如未收到，请收回后重新发放。",
            f"The request under the idempotency key {key} was done; the secret in its answer is shown once and not kept. "
            "If it did not arrive, revoke it and ask for another.",
        )


def perform(hub: Hub, subject: Subject, act: Act, given: BaseModel, key: str = "") -> BaseModel:
    """Do an act, or hand out the answer that it had under that key; a long one is asked for, and answered by its job.

    Errors: UnderWay, OtherRequest, ShownOnce.
    """
    if not key:
        return _do(hub, subject, act, given)
    digest = _digest(hub, act, given)
    earlier = _earlier(hub, subject, act, key, digest)
    if earlier is not None:
        return earlier
    try:
        result = _do(hub, subject, act, given)
    except HubError:  # it says that nothing was done; after any other failure nobody knows, and the key stays taken
        _end(hub, subject, key, None)
        raise
    _end(hub, subject, key, {} if act.secret else result.model_dump(mode="json"))
    return result


def _earlier(hub: Hub, subject: Subject, act: Act, key: str, digest: str) -> BaseModel | None:
    try:
        with hub.session() as session:
            earlier = repeats.find(session, subject.login, key)
            if earlier is None:
                repeats.begin(session, subject.login, key, act.name, digest)
                return None
            kind, answer, same = earlier.act, earlier.answer, earlier.digest == digest
    except IntegrityError:
        raise UnderWay(key) from None
    if not same:
        raise OtherRequest(key, kind)
    if answer is None:
        raise UnderWay(key)
    if act.secret:
        raise ShownOnce(key)
    return JobState.model_validate(answer) if act.long else act.gives.model_validate(answer)


def _do(hub: Hub, subject: Subject, act: Act, given: BaseModel) -> BaseModel:
    return jobs.submit(hub, subject, act.name, given) if act.long else act.does(hub, subject, given)


def _digest(hub: Hub, act: Act, given: BaseModel) -> str:
    """What was asked, as a hash that nobody without this installation's key can try passwords against."""
    files = {name: value for name, value in given if isinstance(value, Path)}
    payload = given.model_dump_json(exclude=set(files))
    contents = [_contents(path) for path in files.values()]
    message = "\n".join((act.name, payload, *contents)).encode()
    return hmac.new(secret(str(hub.settings.root)), message, hashlib.sha256).hexdigest()


def _contents(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _end(hub: Hub, subject: Subject, key: str, answer: dict[str, object] | None) -> None:
    with hub.session() as session:
        repeats.end(session, subject.login, key, answer)
