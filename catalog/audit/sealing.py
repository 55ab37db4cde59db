"""Sealing and verifying the audit chain: Ed25519 over the head, the head written outside the database, faults located."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import Session, col, select

from catalog.audit import accepted
from catalog.audit import chain as audit
from catalog.audit.accepted import Accepted
from catalog.audit.chain import GENESIS, AuditRecord, AuditSeal
from catalog.audit.witness import as_told, last_told, lines_of
from catalog.store.facts import recall, remember
from contracts.clock import now
from contracts.errors import HubError

SEAL_AFTER_RECORDS = 20
SEAL_AFTER = timedelta(minutes=1)
NEVER_SEALED_AFTER = 5 * SEAL_AFTER
"""A chain that is older and has no seal at all had its seals removed: `hub init` makes the first one."""
FINDINGS_KEPT = 50
"""Of a chain that is broken all over."""
Outside = dict[str, Any] | int
"""A seal as it stands outside the database, or the number of a line that cannot be read."""
OUTSIDE = {"head-file": ("外部链头文件", "head file"), "witness": ("外部见证", "witness")}
VERIFIED = "audit-verified"


class KeyMissing(HubError):
    """The sealing key is not where it should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"没有审计封存密钥 {path}；请运行 hub init 生成。",
            f"There is no sealing key at {path}; run `hub init` to make one.",
        )


class NoReason(HubError):
    """A finding is put on record only with what was found out about it."""

    def __init__(self) -> None:
        super().__init__("请用 --reason 说明查明的原因。", "Say with --reason what was found out.")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the chain.

    `kind`: changed, missing, reordered, truncated, head, seal, unsealed, head-file, witness or key.
    """

    kind: str
    sequence: int
    message: str
    message_en: str
    until: int = 0
    """The last record it is about, where it is about several."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified: records and seals read, and every fault found, in the order of the chain."""

    records: int
    head: str
    seals: int
    last_sealed: int
    findings: tuple[Finding, ...]
    at: datetime
    accepted: tuple[Accepted, ...] = ()
    """Findings of before that were looked into and put on record."""
    disagreeing: tuple[dict[str, Any], ...] = ()
    """Seals outside the database that do not agree with the chain, those on record left out."""

    @property
    def good(self) -> bool:
        """Nothing was changed, removed or reordered, but for what is on record."""
        return not self.findings


def make_key(path: Path) -> str:
    """The sealing key, made when it is missing; only its owner may read it. Returns the public key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        raw = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        path.with_suffix(".pub").write_text(_public(_key(path)) + "\n", encoding="ascii")
    return _public(_key(path))


def _key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        raise KeyMissing(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyMissing(path)
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _message(last: int, head: str) -> bytes:
    return f"hui-audit:{last}:{head}".encode()


def seal(session: Session, key_path: Path, head_file: Path | None = None) -> AuditSeal | None:
    """Sign the chain's head, and append it to a file outside the database; None where nothing is new since the last seal."""
    last, head = audit.head(session)
    done = last_seal(session)
    if last == 0 or (done is not None and done.last >= last):
        return None
    key = _key(key_path)
    new_seal = AuditSeal(
        last=last,
        head=head,
        sealed_at=now(),
        public_key=_public(key),
        signature=base64.b64encode(key.sign(_message(last, head))).decode(),
    )
    session.add(new_seal)
    session.flush()
    if head_file is not None:
        _append(head_file, new_seal)
    return new_seal


def seal_when_due(session: Session, key_path: Path, head_file: Path | None = None) -> AuditSeal | None:
    """Seal after twenty records or a minute, whichever comes first; for the daemon and the server to call often."""
    last, _ = audit.head(session)
    done = last_seal(session)
    first_open = session.get(AuditRecord, (done.last if done else 0) + 1)
    if first_open is None:
        return None
    waiting = last - (done.last if done else 0)
    if waiting < SEAL_AFTER_RECORDS and now() - first_open.at < SEAL_AFTER:
        return None
    return seal(session, key_path, head_file)


def _append(head_file: Path, seal: AuditSeal) -> None:
    head_file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(as_told(seal)) + "\n"
    with head_file.open("a", encoding="ascii") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def last_seal(session: Session) -> AuditSeal | None:
    """The newest seal."""
    return session.exec(select(AuditSeal).order_by(col(AuditSeal.last).desc()).limit(1)).first()


def verify(
    session: Session, public_key: str = "", head_file: Path | None = None, witnessed: Iterable[Outside] | None = None
) -> Verification:
    """Read the whole chain and every seal, and say what was changed, removed or reordered, and where.

    `public_key` is the installation's own (keys/audit.pub): seals made by another key are faults. The head file shows what the
    database was when it was last sealed, so that a tail cut off together with its seals is found too; that it was cut itself
    shows by the seals that it lacks. `witnessed`: what a witness was told, which nobody on this machine can take back.
    What was looked into and put on record (`catalog.audit.accepted`) is no finding any more.
    """
    findings: list[Finding] = []
    heads = _chain(session, findings)
    read = len(heads) - 1
    last, head = audit.head(session)
    _check_head(findings, heads, last, head)
    seals = list(session.exec(select(AuditSeal).order_by(col(AuditSeal.last))))
    for one in seals:
        _check_seal(findings, heads, as_told(one), public_key, "seal")
    findings += _never_sealed(session, seals)
    known = tuple(accepted.listed(session))
    disagreeing: list[dict[str, Any]] = []
    outside: tuple[tuple[str, Iterable[Outside] | None, int | None], ...] = (
        ("head-file", _written(head_file) if head_file is not None else None, None),
        ("witness", witnessed, last_told(session)),
    )
    for kind, source, until in outside:
        if source is not None:
            written = list(source)
            disagreeing += _check_outside(findings, heads, written, public_key, kind, known)
            findings += _lacking(kind, [one for one in seals if until is None or one.last <= until], written)
    open_findings = [one for one in _distinct(findings) if not _on_record(one, known)]
    last_sealed = max((one.last for one in seals), default=0)
    return Verification(
        read, heads[-1], len(seals), last_sealed, tuple(open_findings[:FINDINGS_KEPT]), now(), known, tuple(disagreeing)
    )


def _chain(session: Session, findings: list[Finding]) -> list[str]:
    """Follow the chain; hashes by sequence, [0] being what stands before the first."""
    heads = [GENESIS]
    statement = select(AuditRecord).order_by(col(AuditRecord.sequence)).execution_options(yield_per=2000)
    for records in session.exec(statement):
        expected = len(heads)
        if records.sequence != expected:
            if records.sequence > expected:
                findings.append(_gone("missing", expected, records.sequence - 1, "缺失", "is missing"))
                heads += [""] * (records.sequence - expected)
            else:
                findings.append(
                    Finding(
                        "reordered",
                        records.sequence,
                        f"第 {records.sequence} 条记录序号异常",
                        f"record {records.sequence} has a wrong number",
                    )
                )
                continue
        if heads[-1] and records.previous != heads[-1]:
            findings.append(
                Finding(
                    "reordered",
                    records.sequence,
                    f"第 {records.sequence} 条与前一条不相接",
                    f"record {records.sequence} does not follow the one before it",
                )
            )
        if audit.digest(records) != records.hash:
            findings.append(_at("changed", records.sequence, "记录内容被改动", "was changed"))
        heads.append(records.hash)
        session.expunge(records)
    return heads


def _at(kind: str, sequence: int, zh: str, en: str) -> Finding:
    return Finding(kind, sequence, f"第 {sequence} 条{zh}", f"record {sequence} {en}")


def _gone(kind: str, first: int, last: int, zh: str, en: str) -> Finding:
    which = f"{first}" if first == last else f"{first}–{last}"
    return Finding(kind, first, f"第 {which} 条{zh}", f"record {which} {en}")


def _check_head(findings: list[Finding], heads: list[str], last: int, head: str) -> None:
    read = len(heads) - 1
    if last > read:
        which = f"{read + 1}" if last == read + 1 else f"{read + 1}–{last}"
        findings.append(
            Finding("truncated", read + 1, f"链尾第 {which} 条记录被删除", f"record {which} at the end was removed")
        )
    elif last < read or head != heads[-1]:
        findings.append(Finding("head", last, "链头与记录不符", "the head does not agree with the records"))


def genuine(line: dict[str, Any]) -> bool:
    """Whether a seal's signature holds by the key that it names."""
    try:
        last, head = int(line["last"]), str(line["head"])
        signer = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(line["public_key"]), validate=True))
        signer.verify(base64.b64decode(str(line["signature"]), validate=True), _message(last, head))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def _check_seal(findings: list[Finding], heads: list[str], line: dict[str, Any], public_key: str, kind: str) -> None:
    """A seal holds where its signature is by our key, over the hash that the record has now."""
    if not genuine(line):
        where = str(line.get("last", 0))
        at = int(where) if where.isdecimal() and len(where) < 19 else 0
        findings.append(_at(kind, at, "处的封存签名无效", "has a seal that is not valid"))
        return
    last, head = int(line["last"]), str(line["head"])
    if public_key and line["public_key"] != public_key:
        findings.append(
            Finding("key", last, f"第 {last} 条处的封存不是本机密钥所签", f"the seal at record {last} was made by another key")
        )
    if last >= len(heads):
        first = len(heads)
        which = f"{first}" if first == last else f"{first}–{last}"
        findings.append(
            Finding(
                "truncated",
                first,
                f"链尾第 {which} 条记录被删除（封存为证）",
                f"record {which} at the end was removed, as a seal shows",
            )
        )
    elif heads[last] != head and heads[last]:
        findings.append(
            Finding("changed", last, f"第 {last} 条处的哈希与封存不符", f"the hash at record {last} is not the one sealed")
        )


def _never_sealed(session: Session, seals: Sequence[AuditSeal]) -> Iterator[Finding]:
    first = session.exec(select(AuditRecord).order_by(col(AuditRecord.sequence)).limit(1)).first()
    if seals or first is None or now() - first.at <= NEVER_SEALED_AFTER:
        return
    minutes = int(SEAL_AFTER.total_seconds() // 60)
    zh = f"链中没有任何封存，而首条记录已超过封存间隔（{minutes} 分钟）：封存被删除，或从未封存"
    en = f"no seal at all, though the first record is older than the sealing interval ({minutes} min): removed, or never sealed"
    yield Finding("unsealed", first.sequence, zh, en)


def _written(head_file: Path) -> Iterator[Outside]:
    """Seals of the head file; the number of a line that cannot be read."""
    return lines_of(head_file.read_bytes().splitlines() if head_file.exists() else [])


def written(head_file: Path) -> list[dict[str, Any]]:
    """Last record and head of every readable seal in the file outside the database, oldest first."""
    seals = (lines for lines in _written(head_file) if isinstance(lines, dict))
    return [{"last": lines["last"], "head": lines["head"]} for lines in seals if {"last", "head"} <= lines.keys()]


def _check_outside(
    findings: list[Finding],
    heads: list[str],
    written: Sequence[Outside],
    public_key: str,
    kind: str,
    known: Sequence[Accepted],
) -> Iterator[dict[str, Any]]:
    """Hold what stands outside against the chain; yields the seals that do not agree with it."""
    on_record = frozenset[tuple[str, str]]().union(*(one.seals for one in known))
    for line in written:
        if isinstance(line, int):
            zh, en = f"{OUTSIDE[kind][0]}第 {line} 行不可读", f"line {line} of the {OUTSIDE[kind][1]} cannot be read"
            findings.append(Finding(kind, 0, zh, en, until=line))
        elif (str(line.get("last")), str(line.get("head"))) not in on_record:
            before = len(findings)
            _check_seal(findings, heads, line, public_key, kind)
            if len(findings) > before:
                yield line


def _lacking(kind: str, seals: Sequence[AuditSeal], written: Sequence[Outside]) -> Iterator[Finding]:
    """Seals that stand in the database and not outside, where every seal is written first: it was cut, emptied or replaced."""
    there = {(str(line.get("last")), str(line.get("head"))) for line in written if isinstance(line, dict)}
    missing = [one.last for one in seals if (str(one.last), one.head) not in there]
    if not missing:
        return
    name, name_en = OUTSIDE[kind]
    if len(missing) == len(seals) and not written:
        zh = f"{name}缺失或为空，其中应有 {len(seals)} 次封存"
        yield Finding(
            kind, missing[0], zh, f"the {name_en} is missing or empty; it should hold {len(seals)} seals", missing[-1]
        )
        return
    which = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]}–{missing[-1]}"
    zh = f"{name}中缺第 {which} 条处的封存（{len(missing)} 次）"
    yield Finding(kind, missing[0], zh, f"the {name_en} lacks {len(missing)} seals, at record {which}", missing[-1])


def _on_record(finding: Finding, known: Sequence[Accepted]) -> bool:
    """Whether a finding was put on record: by kind and place; outside the database, all that is no later than it was then."""
    if finding.kind in OUTSIDE and finding.sequence:
        return any(max(finding.until, finding.sequence) <= one.outside_until for one in known) or any(
            (finding.kind, finding.sequence) in one.faults and not finding.until for one in known
        )
    return any((finding.kind, finding.sequence) in one.faults for one in known)


def _distinct(findings: list[Finding]) -> list[Finding]:
    """Each fault once, by place."""
    seen = {(finding.kind, finding.sequence, finding.message_en): finding for finding in findings}
    return sorted(seen.values(), key=lambda finding: finding.sequence)


def note(session: Session, result: Verification) -> None:
    """Keep the result for the foot of every page."""
    summary = {"good": result.good, "records": result.records, "head": result.head}
    remember(session, VERIFIED, summary | {"findings": [asdict(finding) for finding in result.findings[:5]]})


def last_verification(session: Session) -> tuple[bool, datetime] | None:
    """Whether the last verification was good, and when it was; None before the first."""
    remembered = recall(session, VERIFIED)
    return (bool(remembered.value.get("good")), remembered.at) if remembered else None


def acceptance(verification: Verification, reason: str) -> dict[str, Any]:
    """What the record of an acceptance holds: the open findings of a verification, and what was found out about them."""
    if not reason.strip():
        raise NoReason
    faults = [(one.kind, one.sequence, max(one.until, one.sequence)) for one in verification.findings]
    return accepted.detail(reason.strip(), faults, verification.disagreeing)
