"""Pages of a department's interface, written beforehand, so that the server holds none of them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from demo.plan import Plan


def save(plan: Plan, dataset: str, step: str, records: Iterable[dict[str, Any]], size: int, name: str) -> int:
    """Write `page-1.json` … with `size` records each; returns how many records there are."""
    folder = plan.pages / dataset / step
    folder.mkdir(parents=True, exist_ok=True)
    waiting, total, page = iter(records), 0, 0
    while batch := list(islice(waiting, size)):
        page, total = page + 1, total + len(batch)
        (folder / f"page-{page}.json").write_text(json.dumps(batch, ensure_ascii=False), encoding="utf-8")
    (folder / "about.json").write_text(
        json.dumps({"total": total, "pages": page, "size": size, "name": name}), encoding="utf-8"
    )
    return total
