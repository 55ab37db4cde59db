"""What was given to `hub` itself: the key after --as, and the verb."""

from __future__ import annotations

from contextvars import ContextVar

key: ContextVar[str] = ContextVar("key", default="")
"""Empty: the operating system's user acts. Kept here, not in click's context: typer carries a click of its own, whose
context the public `click.get_current_context` does not see, and an administrator acted where a key was meant."""
verb: ContextVar[str] = ContextVar("verb", default="")
"""As it stands in the audit beside a refusal, e.g. "release"."""
