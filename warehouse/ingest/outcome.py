"""What a delivery comes to as a whole: rules that refuse it, how often each check failed, its final counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import duckdb

from contracts import doubts
from contracts.checks.compile import Scope
from contracts.checks.rules.base import BatchCheck
from contracts.clock import zone
from contracts.deliveries import Entry, Fault, Outcome
from contracts.doubts import Doubt
from contracts.inference import asides
from contracts.inference import damage as damage_of
from contracts.model import Contract, Type
from contracts.sql import identifier, literal
from warehouse.ingest.merge import Delta
from warehouse.ingest.stage import Stage
from warehouse.readers import damage

Told = dict[str, Any]
WAIVABLE = ("row-count", "freshness", "vanish", "quarantine-share", "damage")
"""Rules about the whole that a steward may let pass; what costs money, and rows that nothing can be read of, may not."""
LOOKED_AT = 50_000
"""Rows in which damaged text is looked for: an export that damages its text does so from its first row on."""
PROPOSAL = (
    "要收下它们，在契约中加上这些信息项并提高版本，再运行 hub rebuild",
    "to take them in, add them to the contract with a higher version and run `hub rebuild`",
)
"""What to do about a column that is new: nothing of it is lost."""
RETURNING = ("quarantine-share", "none-accepted")
"""Rules by which a delivery goes back for its rows, with all of them told."""


class Refused(Exception):
    """The delivery is not loaded; `outcome` says why. Not for people: ingest turns it into a settled batch."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


def columns(stage: Stage) -> list[Told]:
    """Columns that are missing or unknown. Missing required ones refuse the batch; unknown ones if the contract says so."""
    listed = []
    for item in stage.match.missing:
        needed = item in stage.match.missing_required
        zh = f"缺少{'必需的' if needed else ''}列“{item.title or item.name}”" + (
            "；请补上后重新报送" if needed else "，按空值处理"
        )
        en = f"The {'required ' if needed else ''}column {item.title or item.name!r} is missing" + (
            "; add it and deliver again" if needed else "; its values are empty"
        )
        listed.append(_check("columns", not needed, None, item.title or item.name, zh, en))
    strict = stage.contract.reading.get("extraColumns") == "refuse"
    if stage.match.extra:
        named = ", ".join(stage.match.extra[:20]) + (" …" if len(stage.match.extra) > 20 else "")
        zh, en = f"契约中没有的列：{named}", f"Columns that the contract does not have: {named}"
        zh += "；请删除后重新报送" if strict else f"，未入库，原文件已留存；{PROPOSAL[0]}"
        en += "; remove them and deliver again" if strict else f"; not loaded, the received file keeps them; {PROPOSAL[1]}"
        listed.append(_check("columns", not strict, named, None, zh, en))
    return listed


def held(doubted: Sequence[Doubt], contract: Contract, rows: int = 0) -> Outcome:
    """A held delivery: nothing is loaded until somebody answers."""
    counted = (f"（{rows:,} 行）", f" ({rows:,} rows)") if rows else ("", "")
    return Outcome(
        state="held",
        message=f"待答复，未入库{counted[0]}：{'；'.join(doubt.zh for doubt in doubted)}。",
        message_en=f"Held until answered, nothing is loaded{counted[1]}: {'; '.join(doubt.en for doubt in doubted)}.",
        questions=[doubts.asked(doubt, contract) for doubt in doubted],
    )


def batch_rules(connection: duckdb.DuckDBPyConnection, stage: Stage, entry: Entry, delta: Delta, received: int) -> list[Told]:
    """Row count, freshness, vanishing keys and share of quarantined rows, each with what was found."""
    listed = []
    for check in stage.checks:
        if not isinstance(check, BatchCheck):
            continue
        passed, value = _judge(connection, stage, entry, delta, received, check)
        zh, en = check.describe(None if passed else value)
        listed.append(_check(check.rule, passed, value, check.limit, zh, en))
    return listed


def values(connection: duckdb.DuckDBPyConnection, stage: Stage) -> list[Told]:
    """Rows without fault in which no item has a value: the file was read past its data (another header, another sheet)."""
    filled = " OR ".join(f"{identifier(item.name)} IS NOT NULL" for item in stage.contract.items)
    if not filled or stage.rows == stage.faulty:
        return []
    if connection.execute(f"SELECT 1 FROM {stage.relation} WHERE {stage.clean} AND ({filled}) LIMIT 1").fetchone():
        return []
    zh = f"{stage.rows} 行中每一项都是空的；请核对表头所在的行、工作表和列名后重新报送"
    en = f"Every value of all {stage.rows} rows is empty; check the row of the header, the sheet and the column names"
    return [_check("empty", False, str(stage.rows), None, zh, en)]


def damaged(connection: duckdb.DuckDBPyConnection, stage: Stage) -> list[Told]:
    """Text that was damaged before it came: told with counts, refused where that is most of it, as at onboarding."""
    texts = [item.name for item in stage.contract.items if item.type is Type.STRING]
    counts, cells = damage.count(connection, stage.relation, texts, limit=LOOKED_AT)
    counted = damage_of.told(counts, cells)
    if not counted:
        return []
    zh, en = "；".join(said.zh for said in counted), "; ".join(said.en for said in counted)
    if not damage_of.is_hopeless(counts, cells):
        return [_check("damage", True, None, None, f"文字有损坏：{zh}", f"Damaged text: {en}")]
    zh = f"文字已损坏：{zh}；请提供方从原系统按 UTF-8 重新导出后再报送"
    en = f"The text is damaged: {en}; ask the provider to export it again from its source, as UTF-8"
    return [_check("damage", False, None, None, zh, en)]


def aside(connection: duckdb.DuckDBPyConnection, stage: Stage) -> int:
    """Rows of a file that are no records (totals, notes …): received and kept in quarantine, but nobody's fault."""
    if not stage.source.rejects:
        return 0
    rules = ", ".join(literal(rule) for rule in asides.HARMLESS)
    counted = f"SELECT count(*) FROM {stage.source.rejects} WHERE split_part(reason, ':', 1) IN ({rules})"
    row = connection.execute(counted).fetchone()
    return int(row[0]) if row else 0


def ceiling(entry: Entry, accepted: int) -> list[Told]:
    """A bought delivery may not hold more records than its agreement still pays for."""
    if entry.room is None:
        return []
    zh = f"协议 {entry.receipt.agreement_id} 的金额上限只够再付 {entry.room} 条，本批 {accepted} 条；请先变更协议"
    en = f"Agreement {entry.receipt.agreement_id} pays for {entry.room} more records, this has {accepted}; change its ceiling"
    if accepted <= entry.room:
        zh, en = f"协议金额上限尚余 {entry.room} 条", f"The agreement's ceiling pays for {entry.room} records more"
    return [_check("ceiling", accepted <= entry.room, str(accepted), str(entry.room), zh, en)]


def nothing_accepted(received: int, lost: int) -> list[Told]:
    """A delivery of which no row is accepted is no success, whatever share the contract allows."""
    if not received or received > lost:
        return []
    zh = f"{received:,} 行全部不合要求，没有一行入库；请按隔离原因改正后重新报送"
    en = f"None of the {received:,} rows is accepted; mend them by the reasons given and deliver again"
    return [_check("none-accepted", False, str(lost), None, zh, en)]


def waived(checks: list[Told], reason: str) -> list[Told]:
    """The checks, those of the whole delivery passed where a steward lets it pass (放行) for a reason."""
    if not reason:
        return checks
    return [
        check
        if check["passed"] or check["rule"] not in WAIVABLE
        else check
        | {
            "passed": True,
            "waived": True,
            "message": f"{str(check['message']).rstrip('。；')}；已放行：{reason}",
            "message_en": f"{str(check['message_en']).rstrip('.;')}; let pass: {reason}",
        }
        for check in checks
    ]


def notes(stage: Stage) -> list[Told]:
    """What was read otherwise than the contract says."""
    return [_check(kind, True, None, item, zh, en) for kind, item, zh, en in stage.notes]


def quality(stage: Stage, faults: list[Fault], received: int) -> list[Told]:
    """One line for every check of rows, those that nobody broke too."""
    failed = {(fault.rule, fault.item): fault.rows for fault in faults}
    lines: list[Told] = [
        {
            "rule": check.rule,
            "item": check.item,
            "dimension": check.dimension,
            "rows": received,
            "failed": failed.pop((check.rule, check.item), 0),
        }
        for check in stage.checks
        if check.scope is not Scope.BATCH
    ]
    for (rule, item), rows in failed.items():
        if rule in asides.HARMLESS:
            continue
        lines.append({"rule": rule, "item": item, "dimension": "conformity", "rows": received, "failed": rows})
    return lines


def refusal(stage: Stage, checks: list[Told], faults: list[Fault], received: int) -> Outcome | None:
    """The outcome of a delivery that broke a whole-batch rule; None when none was broken."""
    broken = [check for check in checks if not check["passed"]]
    if not broken:
        return None
    returned = all(check["rule"] in RETURNING for check in broken)
    return Outcome(
        state="returned" if returned else "refused",
        received=received,
        quarantined=received,
        encoding=stage.source.encoding,
        media=stage.source.media,
        message="；".join(str(check["message"]).rstrip("。；") for check in broken) + "。",
        message_en=" ".join(str(check["message_en"]) for check in broken),
        faults=faults,
        checks=checks,
        quality=quality(stage, faults, received),
    )


def accepted(
    stage: Stage, delta: Delta, checks: list[Told], faults: list[Fault], received: int, quarantined: int, aside: int = 0
) -> Outcome:
    """The outcome of a delivery that is loaded, whole or in part. `aside`: those of the quarantined rows that are no records;
    where there are no others the delivery is loaded whole."""
    rows = received - quarantined
    zh, en = f"入库 {rows:,} 行", f"{_rows(rows)} loaded"
    if quarantined > aside:
        zh, en = f"{zh}，隔离 {quarantined - aside:,} 行", f"{en}, {quarantined - aside:,} quarantined"
    if aside:
        zh, en = f"{zh}，另放 {aside:,} 行（合计、附注等，不是记录）", f"{en}, {aside:,} set aside (totals, notes: no records)"
    if not received:
        zh, en = "零报送：没有数据行", "A nil return: no rows"
    return Outcome(
        state="partial" if quarantined > aside else "loaded",
        received=received,
        accepted=rows,
        quarantined=quarantined,
        inserted=delta.inserted,
        updated=delta.updated,
        unchanged=rows - delta.inserted - delta.updated,
        removed=delta.removed,
        replaces=delta.replaces,
        encoding=stage.source.encoding,
        media=stage.source.media,
        message=zh + "。",
        message_en=en + ".",
        faults=faults,
        checks=checks,
        quality=quality(stage, faults, received),
        table_rows=delta.before + delta.inserted - delta.removed,
    )


def _judge(
    connection: duckdb.DuckDBPyConnection, stage: Stage, entry: Entry, delta: Delta, received: int, check: BatchCheck
) -> tuple[bool, str | None]:
    rules = stage.contract.batch_rules
    if check.rule == "row-count":
        low, high = rules.min_rows or 0, rules.max_rows
        return low <= received and (high is None or received <= high), f"{received:,}"
    if check.rule == "vanish":
        share = delta.removed / delta.before if delta.before else 0.0
        return share <= rules.vanish_share, f"{share:.1%}（{delta.removed} / {delta.before}）"
    if check.rule == "quarantine-share":
        lost = received - stage.rows + stage.at_fault - aside(connection, stage)
        share = lost / received if received else 0.0
        return share <= (rules.quarantine_share or 0.0), f"{share:.1%}（{lost} / {received}）"
    return _fresh(connection, stage, stage.contract, entry.receipt.received_at)


def _fresh(
    connection: duckdb.DuckDBPyConnection, stage: Stage, contract: Contract, received_at: datetime
) -> tuple[bool, str | None]:
    item, limit = contract.batch_rules.freshness_item, contract.batch_rules.freshness
    row = connection.execute(f"SELECT max({identifier(str(item))}) FROM {stage.good()}").fetchone()
    newest = row[0] if row else None
    if newest is None or limit is None:
        return newest is not None, None
    moment = newest
    if not isinstance(newest, datetime) and isinstance(newest, date):
        moment = datetime.combine(newest, time.max, zone())  # a day is fresh until it ends
    return received_at - moment.astimezone(UTC) <= limit, str(newest)


def _rows(number: int) -> str:
    """A count of rows in English."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def _check(rule: str, passed: bool, value: str | None, expected: str | None, zh: str, en: str) -> Told:
    return {"rule": rule, "passed": passed, "value": value, "expected": expected, "message": zh, "message_en": en}
