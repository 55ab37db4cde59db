"""Which act is possible in which state, and whose it is: one table, so that pages, tests and refusals say the same.

The policies (`catalog/access/policies`) decide who may; the table says what is possible, by which side, and who must not have
done what before. A state changes nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ROUTES = ("request", "buy", "collect")
STEWARD, PROVIDER, HUB = "steward", "provider", "hub"
"""Sides: those who act for the hub, those of the body that was asked, and the hub itself when data come."""
IN_FORCE = ("signed", "active")
"""States of an agreement under which data is taken."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One act in one state. `choice` tells two outcomes of an act apart; who took one of the acts in `apart` must not take
    this one: nobody answers their own need, nobody signs for both sides."""

    act: str
    before: str
    after: str
    sides: tuple[str, ...] = (STEWARD,)
    routes: tuple[str, ...] = ROUTES
    choice: str = ""
    apart: tuple[str, ...] = ()


SIGNATURES: Mapping[str, tuple[str, ...]] = {"request": (PROVIDER, STEWARD), "buy": (STEWARD,), "collect": (STEWARD,)}
"""Whose signatures bring an agreement into force: a purchase's contract is signed on paper, a collection is a task given."""

AGREEMENT: tuple[Transition, ...] = (
    Transition("need.enter", "", "needed"),
    Transition("need.extend", "needed", "needed", routes=("request",)),
    Transition("need.answer", "needed", "accepted", (PROVIDER,), choice="accept", apart=("need.enter",)),
    Transition("need.answer", "needed", "refused", (PROVIDER,), choice="refuse", apart=("need.enter",)),
    Transition("agreement.change", "needed", "needed"),
    Transition("agreement.change", "accepted", "accepted"),
    Transition("agreement.change", "signed", "signed", choice="channel"),
    Transition("agreement.change", "active", "active", choice="channel"),
    Transition(
        "agreement.sign", "accepted", "accepted", SIGNATURES["request"], ("request",), "first", apart=("agreement.sign",)
    ),
    Transition("agreement.sign", "accepted", "signed", SIGNATURES["request"], ("request",), "last", apart=("agreement.sign",)),
    Transition("agreement.sign", "needed", "signed", routes=("buy", "collect")),
    Transition("agreement.sign", "accepted", "signed", routes=("buy", "collect")),
    Transition("delivery.first", "signed", "active", (HUB,)),
    Transition("agreement.renew", "signed", "signed"),
    Transition("agreement.renew", "active", "active"),
    Transition("agreement.end", "needed", "ended"),
    Transition("agreement.end", "accepted", "ended"),
    Transition("agreement.end", "signed", "ended"),
    Transition("agreement.end", "active", "ended"),
)
"""An agreement from need to end."""

STATES = tuple(dict.fromkeys(one.after for one in AGREEMENT))
"""needed, accepted, refused, signed, active and ended."""


def possible(state: str, route: str, act: str = "", table: Iterable[Transition] = AGREEMENT) -> tuple[Transition, ...]:
    """What can be done in a state on a route; of one act, or of all."""
    return tuple(one for one in table if one.before == state and route in one.routes and act in ("", one.act))


def acts(state: str, route: str, sides: Iterable[str]) -> tuple[str, ...]:
    """The acts that are possible now for somebody of these sides."""
    own = frozenset(sides)
    return tuple(dict.fromkeys(one.act for one in possible(state, route) if own & set(one.sides)))


def apart(act: str) -> frozenset[str]:
    """The acts whose doers must not do this one."""
    return frozenset(other for one in AGREEMENT if one.act == act for other in one.apart)
