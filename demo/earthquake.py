"""省地震局: the earthquake catalogue, asked for page by page from its interface; reviewed events come again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from demo.pages import save
from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-earthquake", "earthquake"
ROWS, PAGE = 3_000, 500
PLACES = (
    ("黑龙江萝北县", 130.8, 47.6),
    ("黑龙江五大连池市", 126.2, 48.5),
    ("黑龙江依兰县", 129.6, 46.3),
    ("吉林松原市", 124.8, 45.1),
    ("吉林珲春市", 130.4, 42.9),
    ("内蒙古阿荣旗", 123.5, 48.1),
)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as the network's system counts time."""
    return int(moment.timestamp() * 1000)


def event(plan: Plan, index: int, total: int) -> dict[str, Any]:
    """Event number `index`; the newest is a few hours old, the oldest three years."""
    dice = plan.dice(DATASET, index)
    back = 0.4 + (total - index) / total * 1095 * dice.uniform(0.99, 1)
    place, lon, lat = dice.choice(PLACES)
    occurred = plan.moment(back)
    return {
        "event_id": f"HL{occurred:%Y%m%d}-{index:05d}",
        "occurred_at": milliseconds(occurred),
        "magnitude": round(min(5.9, 0.5 + dice.expovariate(1.1)), 1),
        "depth": dice.randrange(5, 25),
        "place": place,
        "lon": round(lon + dice.uniform(-0.4, 0.4), 3),
        "lat": round(lat + dice.uniform(-0.3, 0.3), 3),
        "updated_at": milliseconds(plan.moment(back - 0.02)),
    }


def faulty(plan: Plan, total: int) -> dict[str, list[dict[str, Any]]]:
    """Events that must not be let in, by what is wrong with them."""
    spare = iter([{**event(plan, total // 2, total), "event_id": f"HL20260101-9000{n}"} for n in range(8)])
    future = milliseconds(plan.moment(-400))
    return {
        "maximum": [{**next(spare), "magnitude": 99} for _ in range(2)],
        "future": [{**next(spare), "occurred_at": future, "updated_at": future} for _ in range(2)],
        "swapped": [{**(e := next(spare)), "lon": e["lat"], "lat": e["lon"]} for _ in range(2)],
        "row:updated_after_occurred": [{**(e := next(spare)), "updated_at": e["occurred_at"] - 60_000}],
        "required": [{**next(spare), "occurred_at": None}],
    }


def write(plan: Plan) -> list[Handed]:
    """The catalogue; then the same interface with forty reviewed events and five new ones more."""
    total = plan.many(ROWS)
    wrong = faulty(plan, total)
    bad = [e for events in wrong.values() for e in events]
    good = (event(plan, i, total) for i in range(total))
    first = save(plan, DATASET, "first", mingle(good, bad, total, plan.dice(DATASET)), PAGE, "items")
    second = save(plan, DATASET, "second", _reviewed(plan, total), PAGE, "items")
    faults = {rule: len(events) for rule, events in wrong.items()}
    return [
        Handed(DATASET, ORGANIZATION, f"departments/{DATASET}/first", first, faults),
        Handed(DATASET, ORGANIZATION, f"departments/{DATASET}/second", second, step="second"),
    ]


def _reviewed(plan: Plan, total: int) -> Iterator[dict[str, Any]]:
    review = milliseconds(plan.moment(0.05))
    for index in range(total - min(40, total), total):
        record = event(plan, index, total)
        yield {**record, "magnitude": round(record["magnitude"] + 0.1, 1), "updated_at": review}
    for number in range(5):
        record = event(plan, total, total)
        yield {**record, "event_id": f"HL{plan.today:%Y%m%d}-8000{number}", "updated_at": review}
