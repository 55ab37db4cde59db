"""A process that collects from all channels in force: what the conformance test kills, and measures.

python -m tests.channels.collecting HOME: it says how much its memory grew, in bytes.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from hub import sources
from hub.hub import open_hub
from orchestration.collect import collect
from warehouse.foreign import door
from warehouse.settings import Settings


def run(home: Path) -> int:
    hub = open_hub(Settings(home=home, _env_file=None))
    door.warm()
    before = _peak()
    for agreed in (one for channels in sources.in_force(hub).values() for one in channels):
        collected = collect(hub, agreed)
        assert not collected.failed, collected.notes
    return _peak() - before


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
