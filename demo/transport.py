"""省交通运输厅: dangerous-goods vehicles, tab-separated text in a zip."""

from __future__ import annotations

import zipfile
from io import TextIOWrapper

from demo.enterprises import credit_code, mobile
from demo.market import population
from demo.plan import Handed, Plan, mingle, serial

ORGANIZATION, DATASET = "hlj-transport", "hazmat_vehicle"
ROWS = 4_000
HEADER = ["车牌号", "企业统一社会信用代码", "车辆类型", "危险货物类别", "最近检验日期", "车主电话", "营运状态"]
TYPES = ("罐式货车", "罐式货车", "厢式货车", "半挂牵引车", "罐式半挂车", "栏板货车")
CLASSES = ("3", "3", "3", "2.1", "2.1", "2.2", "2.3", "4.1", "4.2", "5.1", "6.1", "8", "8", "9", "1")
LETTERS, TAIL = "ABCDEFGHJKLMNPR", "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def plate(number: int) -> str:
    """A plate of the province; equal numbers below 15 × 34^5 give equal plates only."""
    number, letter = divmod(serial(number, 5, 15 * 34**4), 15)
    tail = ""
    for _ in range(4):
        number, digit = divmod(number, 34)
        tail = TAIL[digit] + tail
    return f"黑{LETTERS[letter]}D{tail}"


def vehicle(plan: Plan, index: int) -> list[str]:
    """Vehicle number `index`, owned by one of the registered enterprises."""
    dice = plan.dice(DATASET, index)
    owner = credit_code(plan, dice.randrange(population(plan)))
    inspected = f"{plan.day(dice.randrange(3, 700)):%Y%m%d}"
    status = "营运" if dice.random() < 0.9 else dice.choice(("停运", "注销"))
    return [plate(index), owner, dice.choice(TYPES), dice.choice(CLASSES), inspected, mobile(dice.randrange(10**9)), status]


def faulty(plan: Plan, total: int) -> dict[str, list[list[str]]]:
    """Rows that must not be let in."""
    spare = iter([vehicle(plan, total + n) for n in range(20)])

    def wrong(position: int, value: str) -> list[str]:
        row = next(spare)
        return [*row[:position], value, *row[position + 1 :]]

    return {
        "pattern": [wrong(0, "黑a-12345"), wrong(0, "冀AD1234")],
        "credit-code": [wrong(1, "91230103MA1AAAAAA" + c) for c in "OIZ"],
        "code-list": [wrong(3, "3类") for _ in range(4)],
        "mobile": [wrong(5, "0452-2712345") for _ in range(5)],
        "maximum": [wrong(4, "20621120") for _ in range(2)],
    }


def write(plan: Plan) -> list[Handed]:
    """The whole register in one archive."""
    path = plan.drop(ORGANIZATION, DATASET, f"hazmat_vehicle_{plan.today:%Y%m}.zip")
    total = plan.many(ROWS)
    wrong = faulty(plan, total)
    bad = [row for rows in wrong.values() for row in rows]
    member = zipfile.ZipInfo("hazmat_vehicle.tsv", (plan.today.year, plan.today.month, plan.today.day, 8, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    good = (vehicle(plan, i) for i in range(total))
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open(member, "w", force_zip64=True) as raw,
        TextIOWrapper(raw, encoding="utf-8", newline="") as out,
    ):
        out.write("\t".join(HEADER) + "\n")
        for row in mingle(good, bad, total, plan.dice(DATASET)):
            out.write("\t".join(row) + "\n")
    faults = {rule: len(rows) for rule, rows in wrong.items()}
    return [Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), total + len(bad), faults)]
