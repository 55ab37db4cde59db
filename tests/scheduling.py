"""Which test process does which tests: a file's tests one, so that what its fixtures make is made once."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

DEMO = ("tests/demo/test_demo.py", "tests/demo/test_serve.py", "tests/docs/test_pages.py")
"""Files that need the demo, which takes a minute to make: another process would only wait for it."""


class ByFile(LoadScopeScheduling):
    """File by file, in their order. (pytest-xdist 3.8 does not see its own groups under pytest 9.)"""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "demo" if file in DEMO else file
