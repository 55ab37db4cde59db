"""A full disk: a clear error, nothing half done, and the job is finished when there is room. Real limits, by the kernel."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import deliver as ingest
from warehouse.storage import connection, landing, maintenance

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, resource, sys
from pathlib import Path
from catalog.ledger import CatalogLedger
from tests.warehouse.conftest import Given, thing
from warehouse.ingest import deliver as ingest
from warehouse.storage import landing
from warehouse.settings import Settings
home, file, limit = sys.argv[1:]
settings, given = Settings(home=Path(home)), Given()
given.add(thing())
ledger = CatalogLedger(settings.catalog_database)
ledger.unsettled()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    ingest.deliver(settings, ledger, given, Path(file), dataset="things", received_by="test")
    print(json.dumps("loaded"))
except landing.DiskFull as error:
    print(json.dumps(["full", error.message, error.message_en]))
"""


def deliver(hub: Hub, file: Path, limit: int) -> object:
    command = [sys.executable, "-c", PROGRAM, str(hub.settings.root), str(file), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def file(hub: Hub) -> Path:
    """Two megabytes that do not compress; every row is at fault, so that its stage is larger than itself."""
    chance = random.Random(1)
    rows = [f"k{n},{chance.randbytes(100).hex()},-{n + 1}\n" for n in range(10_000)]
    hub.given.add(thing())
    return hub.file("编号,名称,数量\n" + "".join(rows))


def test_no_room_to_land(hub: Hub, file: Path) -> None:
    told = deliver(hub, file, 500_000)
    assert isinstance(told, list)
    assert "磁盘已满" in told[1]
    assert landing.leftovers(hub.settings) == []
    assert list(hub.ledger.unsettled()) == []


@pytest.mark.parametrize("more", [1_000, 300_000])
def test_no_room_to_load_then_there_is(hub: Hub, file: Path, more: int) -> None:
    told = deliver(hub, file, file.stat().st_size + more)
    assert isinstance(told, list), told
    assert told[0] == "full"
    assert hub.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'things'") == [(0,)]
    assert [p for p in (hub.settings.lake / "data").rglob("*") if p.is_file()] == []
    (entry,) = hub.ledger.unsettled()
    (mended,) = hub.reconcile()
    assert (mended.batch_id, mended.how) == (entry.batch_id, "loaded")
    assert (hub.ledger.entry(entry.batch_id).received, hub.ledger.entry(entry.batch_id).quarantined) == (10_000, 10_000)


def test_the_limit_is_real(hub: Hub, file: Path) -> None:
    assert deliver(hub, file, resource.RLIM_INFINITY) == "loaded"


def test_too_little_memory_is_told_and_the_job_finished_with_more(hub: Hub, file: Path) -> None:
    """Not DuckDB's own words with a traceback: which setting to raise, and that nothing is half done."""
    connection.forget(hub.settings)
    small = hub.settings.model_copy(update={"memory_limit": "3MB"})
    with pytest.raises(landing.MemoryFull, match="HUB_MEMORY_LIMIT"):
        ingest.deliver(small, hub.ledger, hub.given, file, dataset="things", received_by="test")
    connection.forget(small)
    told = ingest.deliver(hub.settings, hub.ledger, hub.given, file, dataset="things", received_by="test")
    assert told.outcome.received == 10_000
    assert list(hub.ledger.unsettled()) == []


def test_upkeep_on_a_full_disk_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hub lake maintain` ended in a traceback, where it is what makes room."""
    hub.given.add(thing())
    hub.deliver("编号,名称,数量\na,b,1\n")

    def full(*_: object) -> int:
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(maintenance, "_compact", full)
    with pytest.raises(landing.DiskFull):
        maintenance.maintain(hub.settings, {})
