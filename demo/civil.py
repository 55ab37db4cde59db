"""省民政厅: the province's divisions, a CSV in UTF-8 with a byte order mark, as Excel saves it."""

from __future__ import annotations

import csv

from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-civil", "division"
BAD = {
    "pattern": [["23O103", "南岗区", "3", "2301"], ["2301 04", "道外区", "3", "2301"]],
    "required": [["230198", "", "3", "2301"]],
    "maximum": [["230197", "松北新区", "5", "2301"]],
    "key": [["230196", "哈南新区", "3", "2301"], ["230196", "哈东新区", "3", "2301"]],
    "row:parent_is_prefix": [["230195", "平房新区", "3", "2302"]],
}


def write(plan: Plan) -> list[Handed]:
    """One whole list, with typing errors, a repeated code and a wrong parent."""
    path = plan.drop(ORGANIZATION, DATASET, f"黑龙江省行政区划_{plan.today.year}.csv")
    good = [[p.code, p.name, str(p.level), p.parent] for p in plan.places.all]
    bad = [row for rows in BAD.values() for row in rows]
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["区划代码", "区划名称", "级别", "上级区划代码"])
        lines.writerows(mingle(good, bad, len(good), plan.dice(DATASET)))
    faults = {rule: len(rows) for rule, rows in BAD.items()}
    return [Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), len(good) + len(bad), faults)]
