"""The table of acts, complete: every module of this room is imported, so that none is forgotten."""

from __future__ import annotations

import importlib
import pkgutil

import hub
from hub.acts import ACTS, Act

for _module in pkgutil.iter_modules(hub.__path__):
    if _module.name not in ("table", "job_worker"):  # the latter is a process of its own
        importlib.import_module(f"hub.{_module.name}")

__all__ = ["ACTS", "Act"]
