"""Somebody outside who keeps each seal of the audit chain, too: an append-only file, syslog, or a second hub.

Whoever has this machine can make a whole new chain with its seals and its head file. What a witness was told stays told.
`HUB_AUDIT_WITNESS` names it: a path (`/mnt/worm/seals.jsonl`, a folder that this machine may only add to), `syslog:/dev/log`,
`syslog://10.0.0.9:514` (UDP), or the address of another hub (`https://hub.example`), which keeps each seal as a record of its
own chain; its key stands in `HUB_AUDIT_WITNESS_KEY`.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from catalog.audit.chain import AuditSeal
from catalog.store.facts import recall, remember
from contracts.errors import HubError

if TYPE_CHECKING:
    import httpx

TOLD = "audit-witness"
AT_ONCE = 200
"""Seals handed on in one go: a witness that was away for long is caught up with step by step."""
PATIENCE = 10.0
PATH = "/api/v1/audit/witness"


class WitnessUnreachable(HubError):
    """The witness did not take a seal, or does not give back what it has."""

    def __init__(self, where: str, why: object) -> None:
        super().__init__(
            f"审计见证 {where} 不可用：{why}。封存照常进行，恢复后补送；请检查 HUB_AUDIT_WITNESS。",
            f"The audit witness {where} does not answer: {why}. Sealing goes on and is told later; check HUB_AUDIT_WITNESS.",
        )


class Witness(Protocol):
    """Takes seals; some can tell what they took."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def write(self, seals: Sequence[dict[str, Any]]) -> None:
        """Keep them, or raise WitnessUnreachable."""

    def read(self) -> Iterator[dict[str, Any] | int] | None:
        """All it was told, or the number of a line that cannot be read; None where it does not tell."""


@dataclass(frozen=True, slots=True)
class FileWitness:
    """A file that is only ever added to, on a disk that this machine cannot rewrite."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def write(self, seals: Sequence[dict[str, Any]]) -> None:
        """One line each, on the disk before it counts as told."""
        text = "".join(json.dumps(one) + "\n" for one in seals)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise WitnessUnreachable(self.name, error.strerror) from error

    def read(self) -> Iterator[dict[str, Any] | int] | None:
        """Its lines; what a syslog daemon writes before each is passed over."""
        try:
            lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        except OSError as error:
            raise WitnessUnreachable(self.name, error.strerror) from error
        return lines_of(lines)


@dataclass(frozen=True, slots=True)
class SyslogWitness:
    """Syslog, here or elsewhere; it takes and does not tell: `hub audit verify --witness FILE` reads its log."""

    address: str | tuple[str, int]

    @property
    def name(self) -> str:
        """Its address."""
        return f"syslog {self.address}"

    def write(self, seals: Sequence[dict[str, Any]]) -> None:
        """One message each, facility `authpriv`."""
        try:
            handler = logging.handlers.SysLogHandler(self.address, facility=logging.handlers.SysLogHandler.LOG_AUTHPRIV)
        except OSError as error:
            raise WitnessUnreachable(self.name, error) from error
        handler.ident = "hui-audit: "
        failed: list[Exception] = []
        handler.handleError = lambda record: failed.append(OSError("not sent"))  # type: ignore[method-assign]
        try:
            for one in seals:
                handler.emit(logging.LogRecord("hui", logging.INFO, "", 0, json.dumps(one), None, None))
        finally:
            handler.close()
        if failed:
            raise WitnessUnreachable(self.name, failed[0])

    def read(self) -> Iterator[dict[str, Any] | int] | None:
        """It does not tell."""
        return None


@dataclass(frozen=True, slots=True)
class HubWitness:
    """A second hub, where each seal is a record in a chain of its own."""

    url: str
    key: str

    @property
    def name(self) -> str:
        """Its address."""
        return self.url

    def write(self, seals: Sequence[dict[str, Any]]) -> None:
        """Sent as they are; the other installation checks the signature before it keeps one."""
        self._asked("POST", json={"seals": list(seals)})

    def read(self) -> Iterator[dict[str, Any] | int] | None:
        """What the other hub's chain holds of ours."""
        return self._pages()

    def _pages(self) -> Iterator[dict[str, Any] | int]:
        after = 0
        while True:
            page = self._asked("GET", params={"after": after}).json()
            yield from page["seals"]
            if page["next"] is None:
                return
            after = page["next"]

    def _asked(self, method: str, **more: Any) -> httpx.Response:
        import httpx  # 0.2 s, and every command has the catalogue

        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            answer = httpx.request(method, self.url.rstrip("/") + PATH, headers=headers, timeout=PATIENCE, **more)
        except httpx.HTTPError as error:
            raise WitnessUnreachable(self.name, error) from error
        if answer.is_error:
            raise WitnessUnreachable(self.name, f"HTTP {answer.status_code}")
        return answer


def witness_of(text: str, key: str = "") -> Witness | None:
    """The witness that a setting names; None where it is empty."""
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme in ("http", "https"):
        return HubWitness(text, key)
    if parts.scheme == "syslog":
        return SyslogWitness((parts.hostname, parts.port or 514) if parts.hostname else parts.path or "/dev/log")
    return FileWitness(Path(text.removeprefix("file://")).expanduser())


def lines_of(lines: Sequence[bytes]) -> Iterator[dict[str, Any] | int]:
    """Seals of a file of lines; the number of one that cannot be read."""
    for number, line in enumerate(lines, start=1):
        begin = line.find(b"{")
        try:
            seal = json.loads(line[begin:] if begin >= 0 else line)
            yield seal if isinstance(seal, dict) else number
        except ValueError:
            yield number


def tell(session: Session, witness: Witness) -> int:
    """Hand on the seals that the witness was not told yet; how many. What it fails to take is told again the next time.

    Call it in a transaction of its own, after the seal is committed: the witness may be slow.
    """
    known = last_told(session)
    statement = select(AuditSeal).where(col(AuditSeal.last) > known).order_by(col(AuditSeal.last)).limit(AT_ONCE)
    seals = [as_told(one) for one in session.exec(statement)]
    if seals:
        witness.write(seals)
        remember(session, TOLD, {"last": seals[-1]["last"], "name": witness.name})
    return len(seals)


def last_told(session: Session) -> int:
    """Up to which record the witness was told."""
    remembered = recall(session, TOLD)
    return int(remembered.value.get("last", 0)) if remembered else 0


def as_told(seal: AuditSeal) -> dict[str, Any]:
    """A seal as the head file and the witness have it."""
    return {
        "last": seal.last,
        "head": seal.head,
        "sealed_at": seal.sealed_at.isoformat(),
        "public_key": seal.public_key,
        "signature": seal.signature,
    }


def waiting(session: Session, since: datetime) -> int:
    """How many seals made before a moment the witness has not been told."""
    statement = select(AuditSeal.last).where(col(AuditSeal.last) > last_told(session), col(AuditSeal.sealed_at) < since)
    return len(session.exec(statement).all())
