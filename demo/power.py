"""省电力数据服务公司 (vendor): daily electricity of key enterprises, CSV in gzip, priced by the record."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from demo.enterprises import credit_code
from demo.market import population
from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-power", "enterprise_power"
ENTERPRISES, DAYS = 1_830, 30
HEADER = ["credit_code", "day", "kwh", "abnormal_flag", "operating"]


def days(plan: Plan, index: int) -> Iterator[list[str]]:
    """Thirty days of one enterprise."""
    dice = plan.dice(DATASET, index)
    code, usual = credit_code(plan, index), dice.lognormvariate(8.5, 1)
    stopped = dice.random() < 0.06
    for back in range(DAYS, 0, -1):
        used = dice.uniform(20, 400) if stopped else usual * dice.uniform(0.7, 1.3)
        state = "停产" if stopped else ("减产" if used < usual * 0.75 else "正常")
        odd = "true" if stopped or used > usual * 1.29 else "false"
        yield [code, f"{plan.day(back)}", f"{used:.1f}", odd, state]


def faulty(plan: Plan, customers: int) -> dict[str, list[list[str]]]:
    """Rows that must not be let in: above all, codes that no registration has."""
    base = next(days(plan, customers))
    unknown = population(plan) * 3 + 1000
    return {
        "reference": [[credit_code(plan, unknown + n), *base[1:]] for n in range(8)],
        "minimum": [[base[0], f"{plan.day(40 + n)}", "-5.0", *base[3:]] for n in range(3)],
        "maximum": [[base[0], f"20{62 + n}-01-01", *base[2:]] for n in range(2)],
        "row:stopped_uses_little": [[base[0], f"{plan.day(50 + n)}", "98000.0", "true", "停产"] for n in range(4)],
        "key": [[base[0], f"{plan.day(60)}", kwh, "false", "正常"] for kwh in ("5100.0", "5200.0")],
    }


def write(plan: Plan) -> list[Handed]:
    """One month of readings."""
    path = plan.drop(ORGANIZATION, DATASET, f"enterprise_power_{plan.day(1):%Y%m%d}.csv.gz")
    customers = min(plan.many(ENTERPRISES), population(plan) - 1)
    wrong = faulty(plan, customers)
    bad = [row for rows in wrong.values() for row in rows]
    good = (row for index in range(customers) for row in days(plan, index))
    total = customers * DAYS
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        out.write((",".join(HEADER) + "\n").encode())
        for row in mingle(good, bad, total, plan.dice(DATASET)):
            out.write((",".join(row) + "\n").encode())
    faults = {rule: len(rows) for rule, rows in wrong.items()}
    return [Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), total + len(bad), faults)]
