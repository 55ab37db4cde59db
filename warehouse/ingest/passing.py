"""放行: a steward lets a delivery pass that broke a rule about the whole, for a reason that stays on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.deliveries import Answers
from contracts.errors import HubError
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Delivered
from warehouse.ingest.outcome import WAIVABLE
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.settings import Settings

STATES = ("refused", "returned")


class NoReason(HubError):
    """Letting pass without saying why."""

    def __init__(self) -> None:
        super().__init__("放行须说明理由：--reason …", "Letting a delivery pass needs its reason: --reason …")


class NotPassable(HubError):
    """Nothing about the batch can be let pass."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"批次 {batch_id} 不能放行：只有行数、时效、消失比例、隔离比例不合要求的整批可以放行；其余须改正后重新报送。",
            f"Batch {batch_id} cannot be let pass: only rules about row count, freshness, vanished keys and the share of "
            "quarantine may be waived; anything else must be mended and delivered again.",
        )


def passable(state: str, checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a batch was refused only for rules that a steward may let pass."""
    broken = {str(check["rule"]) for check in checks if not check["passed"]}
    return state in STATES and bool(broken) and broken <= set(WAIVABLE)


def let_pass(settings: Settings, ledger: Ledger, lookups: Lookups, batch_id: str, reason: str, *, by: str) -> Delivered:
    """Check and load a refused or returned batch again, without the rules about the whole; rows at fault stay in quarantine."""
    if not reason.strip():
        raise NoReason()
    entry = ledger.entry(batch_id)
    if not passable(entry.state, entry.outcome.checks if entry.outcome else ()):
        raise NotPassable(batch_id)
    passed = ingest.answer(settings, ledger, lookups, batch_id, Answers(waived=reason.strip()), by=by, states=STATES)
    if passed.outcome.state == "discarded":  # somebody put it aside meanwhile
        raise NotPassable(batch_id)
    return passed
