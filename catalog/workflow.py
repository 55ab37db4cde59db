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

REQUEST, OTHERS = ("request",), ("buy", "collect")
BEFORE_ANSWER = ("drafted", "consented", "needed", "incomplete", "answered", "disputed")
"""States of a request that has no answer which counts."""
HUBS_TURN = ("drafted", "consented", "incomplete", "disputed")
"""Those in which it is the asking side that must go on."""
TALKS = (*BEFORE_ANSWER, "accepted", "refused", "signed", "active")

AGREEMENT: tuple[Transition, ...] = (
    Transition("need.enter", "", "drafted", routes=REQUEST),
    Transition("need.enter", "", "needed", routes=OTHERS),
    Transition("need.consent", "drafted", "consented", routes=REQUEST, choice="consent", apart=("need.enter",)),
    Transition("need.consent", "drafted", "drafted", routes=REQUEST, choice="return", apart=("need.enter",)),
    Transition("need.send", "consented", "needed", routes=REQUEST),
    Transition("need.link", "needed", "needed", routes=REQUEST),
    Transition("need.link", "incomplete", "incomplete", routes=REQUEST),
    Transition("need.link", "accepted", "accepted", routes=REQUEST),
    Transition("need.ask", "needed", "incomplete", (PROVIDER,), REQUEST),
    Transition("need.complete", "incomplete", "needed", routes=REQUEST),
    Transition("need.extend", "needed", "needed", routes=REQUEST),
    Transition("need.answer", "needed", "answered", (PROVIDER,), REQUEST, apart=("need.enter",)),
    Transition("need.consent", "answered", "accepted", (PROVIDER,), REQUEST, "accept", apart=("need.answer",)),
    Transition("need.consent", "answered", "refused", (PROVIDER,), REQUEST, "refuse", apart=("need.answer",)),
    Transition("need.consent", "answered", "needed", (PROVIDER,), REQUEST, "return", apart=("need.answer",)),
    Transition("need.answer", "needed", "accepted", (PROVIDER,), OTHERS, "accept", apart=("need.enter",)),
    Transition("need.answer", "needed", "refused", (PROVIDER,), OTHERS, "refuse", apart=("need.enter",)),
    Transition("need.dispute", "refused", "disputed", routes=REQUEST),
    Transition("need.dispute", "accepted", "disputed", routes=REQUEST),
    Transition("need.dispute", "disputed", "disputed", routes=REQUEST, choice="higher"),
    Transition("need.settle", "disputed", "needed", routes=REQUEST, choice="again"),
    Transition("need.settle", "disputed", "accepted", routes=REQUEST, choice="accept"),
    Transition("need.settle", "disputed", "refused", routes=REQUEST, choice="uphold"),
    *(Transition("need.comment", state, state, (STEWARD, PROVIDER), REQUEST) for state in TALKS),
    *(Transition("agreement.remind", state, state, routes=REQUEST) for state in ("needed", "answered")),
    *(Transition("agreement.remind", state, state) for state in ("accepted", *IN_FORCE)),
    Transition("agreement.change", "drafted", "drafted", routes=REQUEST),
    Transition("agreement.change", "consented", "drafted", routes=REQUEST),
    Transition("agreement.change", "incomplete", "incomplete", routes=REQUEST),
    Transition("agreement.change", "needed", "needed", routes=REQUEST, choice="channel"),
    Transition("agreement.change", "needed", "needed", routes=OTHERS),
    Transition("agreement.change", "accepted", "accepted"),
    Transition("agreement.change", "signed", "signed", choice="channel"),
    Transition("agreement.change", "active", "active", choice="channel"),
    Transition("agreement.sign", "accepted", "accepted", SIGNATURES["request"], REQUEST, "first", apart=("agreement.sign",)),
    Transition("agreement.sign", "accepted", "signed", SIGNATURES["request"], REQUEST, "last", apart=("agreement.sign",)),
    Transition("agreement.sign", "needed", "signed", routes=OTHERS),
    Transition("agreement.sign", "accepted", "signed", routes=OTHERS),
    Transition("delivery.first", "signed", "active", (HUB,)),
    Transition("agreement.renew", "signed", "signed"),
    Transition("agreement.renew", "active", "active"),
    *(Transition("agreement.end", state, "ended", routes=REQUEST) for state in BEFORE_ANSWER if state != "needed"),
    Transition("agreement.end", "needed", "ended"),
    Transition("agreement.end", "accepted", "ended"),
    Transition("agreement.end", "signed", "ended"),
    Transition("agreement.end", "active", "ended"),
)
"""An agreement from need to end. Of a request, by 《政务数据共享条例》: the heads of the sharing offices consent before it is
sent and before it is answered (art. 11, 20); what is missing is told once (art. 21); a dispute has four steps (art. 28)."""

STATES = tuple(dict.fromkeys(one.after for one in AGREEMENT))
"""Every state, in the order in which an agreement comes to it."""


def states(route: str) -> tuple[str, ...]:
    """The states of a route, in the order in which an agreement comes to them."""
    return tuple(dict.fromkeys(one.after for one in AGREEMENT if route in one.routes))


def first(route: str) -> str:
    """The state that a need of a route begins in."""
    return next(one.after for one in AGREEMENT if not one.before and route in one.routes)


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
