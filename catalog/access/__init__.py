"""The one access decision: Cedar policies over grants; default deny."""

from catalog.access.decision import DATA_ACTIONS, Decision, Refused, decide, may, may_as_sender, require

__all__ = ["DATA_ACTIONS", "Decision", "Refused", "decide", "may", "may_as_sender", "require"]
