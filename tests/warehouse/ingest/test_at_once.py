"""Many deliveries at once, and upkeep beside open work: everybody waits for their turn, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contracts.model import Delivery
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import deliver as ingest
from warehouse.serving import diff as release
from warehouse.storage import connection, maintenance

HEAD = "编号,名称,数量\n"
NOW = {"keep_seconds": 0, "grace_seconds": 0, "orphan_seconds": 0}
ROOT = Path(__file__).parents[3]
OTHER = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from catalog.ledger import CatalogLedger
from contracts.model import Delivery
from tests.warehouse.conftest import Given, thing
from warehouse.ingest import deliver as ingest
from warehouse.settings import Settings

home, *files = sys.argv[1:]
settings, given = Settings(home=home, _env_file=None), Given()
given.add(thing(Delivery.CHANGES))
ledger = CatalogLedger(settings.catalog_database)


def deliver(file):
    made = ingest.deliver(settings, ledger, given, Path(file), dataset="things", received_by="other")
    return [made.batch_id, made.no_op, made.outcome.state, made.outcome.accepted, made.outcome.message_en]


with ThreadPoolExecutor(len(files)) as pool:
    print(json.dumps(list(pool.map(deliver, files))))
"""


def files_of(hub: Hub, name: str, count: int) -> list[Path]:
    return [hub.file(HEAD + f"{name}{n},x,{n}\nshared,{name},{n}\n", f"{name}{n}.csv") for n in range(count)]


def here(hub: Hub, path: Path) -> ingest.Delivered:
    return ingest.deliver(hub.settings, hub.ledger, hub.given, path, dataset="things", received_by="here")


def elsewhere(hub: Hub, files: Sequence[Path]) -> subprocess.Popen[str]:
    """The same files delivered side by side by another process."""
    command = [sys.executable, "-c", OTHER, str(hub.settings.root), *map(str, files)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_twenty_deliveries_of_two_processes_are_twenty_batches(hub: Hub) -> None:
    """None fails by a lock, and none is told to be the same as its own new batch."""
    hub.given.add(thing(Delivery.CHANGES))
    mine, theirs = files_of(hub, "a", 10), files_of(hub, "b", 10)
    with elsewhere(hub, theirs) as process, ThreadPoolExecutor(len(mine)) as pool:
        made = list(pool.map(lambda path: here(hub, path), mine))
        told, wrong = process.communicate(timeout=500)
    assert process.returncode == 0, wrong
    found = [[one.batch_id, one.no_op, one.outcome.state, one.outcome.accepted, one.outcome.message_en] for one in made]
    found += json.loads(told)
    assert len({number for number, *_ in found}) == 20
    for _, no_op, state, accepted, message in found:
        assert (no_op, state, accepted) == (False, "loaded", 2), message
        assert "same as batch" not in message
    assert [entry.state for entry in hub.ledger.history("things")] == ["loaded"] * 20
    assert {row[0] for row in hub.things()} == {"shared", *(f"{name}{n}" for name in "ab" for n in range(10))}
    assert len(hub.things(library="raw")) == 40


def test_the_same_bytes_at_once_are_one_batch(hub: Hub) -> None:
    hub.given.add(thing(Delivery.CHANGES))
    files = [hub.file(HEAD + "a,x,1\n", f"same{n}.csv") for n in range(4)]
    with elsewhere(hub, files[:2]) as process, ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda path: here(hub, path), files[2:]))
        told, wrong = process.communicate(timeout=500)
    assert process.returncode == 0, wrong
    found = [(one.batch_id, one.no_op) for one in made] + [(number, no_op) for number, no_op, *_ in json.loads(told)]
    assert len({number for number, _ in found}) == 1
    assert sorted(no_op for _, no_op in found) == [False, True, True, True]
    assert len(hub.ledger.history("things")) == 1


def test_upkeep_waits_for_an_open_load_and_loses_nothing_of_it(hub: Hub) -> None:
    """A transaction that deletes and inserts is open while upkeep would expire and delete all that it can."""
    hub.given.add(thing(Delivery.CHANGES))
    for n in range(4):
        hub.deliver(HEAD + "".join(f"r{n}-{k},x,{k}\n" for k in range(50)))
    done: list[maintenance.Maintained] = []
    with connection.writer(hub.settings, purpose="load held open") as lake:
        lake.execute("BEGIN")
        lake.execute("DELETE FROM lake.resource.things WHERE id LIKE 'r1-%'")
        lake.execute(
            "INSERT INTO lake.resource.things SELECT * REPLACE ('new' AS id) FROM lake.resource.things WHERE id = 'r0-0'"
        )
        upkeep = threading.Thread(target=lambda: done.append(maintenance.maintain(hub.settings, {}, **NOW)))
        upkeep.start()
        upkeep.join(1)
        assert upkeep.is_alive()
        assert not done
        lake.execute("COMMIT")
    upkeep.join(120)
    assert done[0].expired > 0
    rows = [row[0] for row in hub.things()]
    assert len(rows) == 151
    assert "new" in rows
    assert not [row for row in rows if row.startswith("r1-")]


def test_a_pull_of_a_released_version_goes_on_beside_upkeep(hub: Hub) -> None:
    """One row at a time, with everything expired and removed between: each row once, as it was."""
    hub.given.add(thing(Delivery.FULL))
    hub.deliver(HEAD + "".join(f"r{n:04},x,{n}\n" for n in range(3000)))
    published = release.publish(hub.settings, "resource.things", None, ("id",))
    hub.deliver(HEAD + "".join(f"r{n:04},y,{n + 1}\n" for n in range(3000)))
    pins = {published.snapshot: ["things v1"]}
    with connection.reader(hub.settings) as lake:
        old = f"SELECT id, amount FROM resource.things AT (VERSION => {published.snapshot}) ORDER BY id"
        found = [lake.execute(old).fetchone()]
        assert maintenance.maintain(hub.settings, pins, **NOW).expired > 0
        while (row := lake.fetchone()) is not None:
            found.append(row)
    assert found == [(f"r{n:04}", n) for n in range(3000)]
    assert hub.sql(old) == found


def test_a_reader_that_began_before_upkeep_ends_its_transaction(hub: Hub) -> None:
    """Even where nothing is to be kept, what was the newest stays an hour for those who read it."""
    hub.given.add(thing(Delivery.FULL))
    hub.deliver(HEAD + "".join(f"r{n:04},x,{n}\n" for n in range(500)))
    with connection.reader(hub.settings) as lake:
        lake.execute("BEGIN")
        assert lake.execute("SELECT count(*) FROM resource.things").fetchone() == (500,)
        hub.deliver(HEAD + "".join(f"r{n:04},y,{n}\n" for n in range(500)))
        assert maintenance.maintain(hub.settings, {}, keep_seconds=0, orphan_seconds=0).expired == 0
        assert lake.execute("SELECT count(*), min(name) FROM resource.things").fetchone() == (500, "x")
        lake.execute("COMMIT")
        assert lake.execute("SELECT count(*), min(name) FROM resource.things").fetchone() == (500, "y")
    assert maintenance.maintain(hub.settings, {}, **NOW).expired > 0
