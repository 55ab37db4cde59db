"""What a benchmark counts: processor time and memory of every process that a run starts, the readers of foreign files too."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.pairs import measured
from warehouse.foreign import door, files
from warehouse.settings import Settings

HOLDS = "import sys, time; held = bytearray(150 << 20); time.sleep(1)"
BURIES = """
import os, resource, signal, time
from warehouse.foreign import server
signal.signal(signal.SIGCHLD, server._bury)
if os.fork() == 0:
    while time.process_time() < 1:
        pass
    os._exit(0)
taken = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
while not taken():
    time.sleep(0.01)
server._end()
print(taken())
"""


def test_processes_beside_each_other_are_added_up() -> None:
    def two() -> None:
        for each in [subprocess.Popen([sys.executable, "-c", HOLDS]) for _ in range(2)]:
            each.wait()

    assert measured(two).peak_mb > 300


def test_the_server_of_foreign_files_takes_note_of_what_its_workers_took() -> None:
    told = subprocess.run([sys.executable, "-c", BURIES], capture_output=True, text=True, check=True, timeout=120).stdout
    assert float(told) >= 0.8


def test_a_closed_server_counts_for_its_asker(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    assert files.columns_of(path, {}, settings, name="x.csv") == ("a", "b")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    door.close()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > before
    door.close()  # nothing to close
