"""What a person decides about a batch, for a reason on record: take it back (撤销), let it pass (放行), put it aside (搁置)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.deliveries import LONGEST_REASON, Outcome
from contracts.errors import HubError
from warehouse.ingest import discard, passing, undo
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.settings import Settings

Does = Callable[[Settings, Ledger, Lookups, str, str, str], Outcome]


class ReasonMissing(HubError):
    """An act that must say why, without a reason."""

    def __init__(self, act: Act) -> None:
        super().__init__(
            f"{act.word}须说明理由：--reason …", f"{act.word_en.capitalize()} a batch needs its reason: --reason …"
        )


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `action` names it to the policies and in the audit; `possible`: do a batch's state and checks allow it?"""

    name: str
    action: str
    word: str
    word_en: str
    does: Does
    possible: Callable[[str, Sequence[Mapping[str, Any]]], bool]

    def do(self, settings: Settings, ledger: Ledger, lookups: Lookups, batch_id: str, reason: str, *, by: str) -> Outcome:
        """Do it; what became of the batch. Raises what the act raises where the batch does not allow it."""
        printable = "".join(one for one in reason if one.isprintable() or one in "\n\t").strip()[:LONGEST_REASON]
        if not printable:
            raise ReasonMissing(self)
        return self.does(settings, ledger, lookups, batch_id, printable, by)


def _undo(settings: Settings, ledger: Ledger, lookups: Lookups, batch_id: str, reason: str, _by: str) -> Outcome:
    return undo.undo(settings, ledger, lookups, batch_id, reason)


def _pass(settings: Settings, ledger: Ledger, lookups: Lookups, batch_id: str, reason: str, by: str) -> Outcome:
    return passing.let_pass(settings, ledger, lookups, batch_id, reason, by=by).outcome


def _discard(settings: Settings, ledger: Ledger, _lookups: Lookups, batch_id: str, reason: str, _by: str) -> Outcome:
    return discard.discard(settings, ledger, batch_id, reason)


UNDO = Act("undo", "undo-batch", "撤销", "undoing", _undo, lambda state, _checks: state in undo.UNDOABLE)
PASS = Act("pass", "pass-batch", "放行", "letting pass", _pass, passing.passable)
DISCARD = Act("discard", "discard-batch", "搁置", "discarding", _discard, lambda state, _checks: state in discard.DISCARDABLE)
ACTS: Mapping[str, Act] = {act.name: act for act in (UNDO, PASS, DISCARD)}
