"""省市场监督管理局: enterprise registrations, GBK with CRLF, from a system that forgets to quote commas.

The second delivery carries the month's changes; the mended one corrects what the first had wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from demo.enterprises import Enterprise, enterprise
from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-market", "enterprise_registration"
HEADER = (
    "统一社会信用代码,企业名称,行政区划代码,住所,行业代码,法定代表人,联系电话,"
    "成立日期,登记状态,注册资本（万元）,经度,纬度,更新日期"
)
FIRST, CHANGED, NEW, STALE = 35_700, 2_600, 1_100, 300
FAULTS = {
    "shifted": 12,  # a comma in the address, not quoted: one field too many
    "fields": 3,  # a field left out
    "credit-code": 9,
    "maximum": 4,  # an update in the future
    "swapped": 6,
    "code-list": 5,
    "division": 3,
    "mobile": 4,
    "required": 2,
    "type": 2,  # thousands separators at odd places
    "undecodable": 2,
    "key": 4,  # two codes, each with two different rows
}


def population(plan: Plan) -> int:
    """How many enterprises are registered without fault: numbers 0 to population - 1."""
    return plan.many(FIRST)


def fields(e: Enterprise) -> list[str]:
    """One row as the registry writes it."""
    capital = f"{e.capital:,.2f}"
    values = [e.credit_code, e.name, e.division, e.address, e.industry_code, e.legal_person, e.phone]
    return [*values, f"{e.established_on}", e.status, capital, f"{e.lon:.4f}", f"{e.lat:.4f}", f"{e.updated_on}"]


def line(values: Iterable[str]) -> bytes:
    """A CSV line in GBK."""
    return (",".join(f'"{v}"' if "," in v else v for v in values) + "\r\n").encode("gbk")


def spoil(rule: str, number: int, e: Enterprise) -> bytes:
    """The line of an enterprise with one thing wrong."""
    values = fields(e)
    if rule == "shifted":
        return line([*values[:3], *values[3].split(" ", 1), *values[4:]])
    if rule == "fields":
        return line([*values[:6], *values[7:]])
    if rule == "undecodable":
        return line(values).replace(values[1].encode("gbk"), values[1].encode("gbk")[:6] + b"\xff\xff" + b" ")
    if rule == "key":
        values[1] += "（二）" if number % 2 else "（一）"
    else:
        position, wrong = WRONG[rule]
        values[position] = wrong(e)
    if rule == "swapped":
        values[11] = f"{e.lon:.4f}"
    return line(values)


WRONG = {
    "credit-code": (0, lambda e: e.credit_code[:17] + ("1" if e.credit_code[17] != "1" else "2")),
    "maximum": (12, lambda e: f"{date(2062, 11, 20)}"),
    "swapped": (10, lambda e: f"{e.lat:.4f}"),
    "code-list": (8, lambda e: "开业"),
    "division": (2, lambda e: "230199"),
    "mobile": (6, lambda e: "0451-8264"),
    "required": (1, lambda e: ""),
    "type": (9, lambda e: "12,00.5"),
}


def faulty(plan: Plan) -> list[tuple[str, int, Enterprise]]:
    """What is wrong, a running number and the enterprise; those follow the faultless ones in number."""
    lines, index = [], population(plan)
    for rule, count in FAULTS.items():
        for number in range(count):
            lines.append((rule, number, enterprise(plan, index)))
            index += number % 2 if rule == "key" else 1
    return lines


def write(plan: Plan) -> list[Handed]:
    """First delivery, the month's changes, and the mended rows of the first."""
    good = (line(fields(enterprise(plan, i))) for i in range(population(plan)))
    bad = [spoil(*lines) for lines in faulty(plan)]
    month = plan.day(45).strftime("%Y%m")
    first = plan.drop(ORGANIZATION, DATASET, f"企业登记_{month}_全量.csv")
    rows = _save(first, mingle(good, bad, population(plan), plan.dice(DATASET)))
    return [
        Handed(DATASET, ORGANIZATION, str(first.relative_to(plan.folder)), rows, dict(FAULTS)),
        _second(plan),
        _mended(plan),
    ]


def _second(plan: Plan) -> Handed:
    path = plan.folder / "later" / f"企业登记_{plan.today:%Y%m}_变更.csv"
    last = population(plan) + sum(FAULTS.values())
    rows = _save(path, (line(fields(e)) for e in _changes(plan, last)))
    return Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), rows, step="second")


def _changes(plan: Plan, last: int) -> Iterator[Enterprise]:
    known = population(plan)
    changed = min(plan.many(CHANGED), known // 3)
    for index in range(changed):
        yield replace(enterprise(plan, index), status="停业", updated_on=plan.day(3))
    for index in range(changed, changed + min(plan.many(STALE), known // 3)):
        e = enterprise(plan, index)
        yield replace(e, name=e.name + "（旧）", updated_on=e.updated_on - timedelta(days=20))
    for index in range(last, last + plan.many(NEW)):
        yield replace(enterprise(plan, index), updated_on=plan.day(2))


def _mended(plan: Plan) -> Handed:
    path = plan.folder / "later" / "企业登记_补正.csv"
    mended = {e.index: e for _, _, e in faulty(plan)}
    rows = _save(path, (line(fields(e)) for e in mended.values()))
    return Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), rows, step="mended")


def _save(path: Path, lines: Iterable[bytes]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with path.open("wb") as out:
        out.write((HEADER + "\r\n").encode("gbk"))
        for line in lines:
            out.write(line)
            rows += 1
    return rows
