"""A power cut, a copy or a lagging replica brings one store back from before: it ends in one account, or in a fault by name."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import audit, database, recovery, sealing
from catalog.audit import AuditRecord
from catalog.ledger import CatalogLedger
from cli import doctor
from tests.crash import working
from tests.crash.rounds import Site, agree
from warehouse import accounts, connection, landing, rebuild, reconcile
from warehouse.finish import finish

STORES = (("catalogue",), ("lake",), ("catalogue", "lake"))


def files(site: Site) -> dict[str, Path]:
    return {"catalogue": site.settings.root / "catalog.db", "lake": connection.metadata_file(site.settings)}


def keep(site: Site, name: str) -> None:
    """Copy both stores as they are now, by SQLite's own backup."""
    for store, file in files(site).items():
        with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(site.folder / f"{name}-{store}.db")) as new:
            old.backup(new)


def bring_back(site: Site, name: str, stores: tuple[str, ...]) -> None:
    """Put a store back as it was kept, as a machine finds it that lost its last commits."""
    connection.forget(site.settings)
    database.engine(site.settings.catalog_database).dispose()
    for store in stores:
        file = files(site)[store]
        for rest in ("-wal", "-shm"):
            file.with_name(file.name + rest).unlink(missing_ok=True)
        shutil.copy2(site.folder / f"{name}-{store}.db", file)


def mend(site: Site) -> list[reconcile.Reconciled]:
    ledger = CatalogLedger(site.settings.catalog_database)
    made = list(reconcile.reconcile(site.settings, ledger, working.contracts()))
    connection.forget(site.settings)
    return made


def parted(site: Site) -> tuple[int, int, int, int]:
    """How many batches the accounts differ in, by kind."""
    with connection.reader(site.settings) as lake:
        both = accounts.read(lake, CatalogLedger(site.settings.catalog_database))
        gone = [held for held in both.missing() if not accounts.rows_there(lake, held)]
        told = (len(both.unknown()), len(both.of_other_bytes()), len(both.untold()), len(gone))
    connection.forget(site.settings)
    return told


def made(folder: Path, seed: int) -> Site:
    site = Site(folder, random.Random(seed))
    site.folder.mkdir(parents=True, exist_ok=True)
    site.make()
    return site


@pytest.mark.parametrize("stores", STORES, ids="+".join)
@pytest.mark.parametrize("seed", [1, 2])
def test_ends_in_one_account(tmp_path: Path, seed: int, stores: tuple[str, ...]) -> None:
    site = made(tmp_path / "hub", seed)
    cut = site.chance.randrange(1, 4)
    steps = [["deliver", site.chance.choice(sorted(working.DATASETS)), site.file()] for _ in range(4)]
    for number, step in enumerate(steps):
        if number == cut:
            keep(site, "before")
        site.work([step])
    whole = site.state()
    bring_back(site, "before", stores)
    mend(site)
    agree(site)
    assert parted(site) == (0, 0, 0, 0)
    if len(stores) == 1:  # what one store has kept, both have again
        assert site.state() == whole
    site.work([["deliver", "series", site.file()]])
    agree(site)


def test_a_new_delivery_does_not_take_the_number_of_a_lost_one(tmp_path: Path) -> None:
    """The catalogue lost the receipt of B; C gets its number: C is loaded, B is in the catalogue again, under its own."""
    site = made(tmp_path / "hub", 5)
    site.work([["deliver", "changed", site.file()]])
    keep(site, "before")
    lost = site.file()
    site.work([["deliver", "series", lost]])
    bring_back(site, "before", ("catalogue",))
    newcomer = site.file()
    site.work([["deliver", "series", newcomer]])
    agree(site)
    held = CatalogLedger(site.settings.catalog_database).history("series")
    assert [entry.receipt.filename for entry in held] == [Path(lost).name, Path(newcomer).name]
    assert len({entry.batch_id for entry in held}) == 2
    with connection.reader(site.settings) as lake:
        rows = dict(lake.execute("SELECT _batch, count(*) FROM raw.series GROUP BY ALL").fetchall())
    assert rows == {entry.batch_id: entry.accepted for entry in held}


def test_the_lost_file_sent_again_is_the_one_that_is_there(tmp_path: Path) -> None:
    site = made(tmp_path / "hub", 6)
    keep(site, "before")
    file = site.file()
    site.work([["deliver", "series", file]])
    rows = site.state()
    bring_back(site, "before", ("catalogue",))
    site.work([["deliver", "series", file]])
    agree(site)
    assert site.state() == rows
    assert len(CatalogLedger(site.settings.catalog_database).history("series")) == 1


def test_rows_lost_before_later_ones_are_named(tmp_path: Path) -> None:
    """The lake lost B, and went on with C: nothing is loaded out of its order; `hub rebuild` is named."""
    site = made(tmp_path / "hub", 7)
    site.work([["deliver", "series", site.file()]])
    keep(site, "before")
    site.work([["deliver", "series", site.file()]])
    ledger = CatalogLedger(site.settings.catalog_database)
    lost = ledger.history("series")[-1]
    bring_back(site, "before", ("lake",))
    contracts, file = working.contracts(), Path(site.file())
    with connection.writer(site.settings) as lake:  # a version that did not look: loads beside the lost one
        landed = landing.land(site.settings, file)
        entry = ledger.receive(replace(lost.receipt, sha256=landed.sha256, filename=file.name))
        finish(site.settings, ledger, contracts, lake, entry)
    found = mend(site)
    assert [(one.batch_id, one.how, type(one.error)) for one in found] == [(lost.batch_id, "lost", reconcile.RowsLost)]
    assert found[0].error is not None
    assert "hub rebuild series" in found[0].error.message_en
    rebuild.rebuild(site.settings, ledger, contracts, "series")
    assert mend(site) == []
    agree(site)


def test_bytes_that_nobody_has_are_a_refused_batch(tmp_path: Path) -> None:
    site = made(tmp_path / "hub", 8)
    keep(site, "before")
    site.work([["deliver", "series", site.file()]])
    ledger = CatalogLedger(site.settings.catalog_database)
    lost = ledger.history("series")[-1]
    bring_back(site, "before", ("lake",))
    landing.place(site.settings, lost.receipt.sha256).unlink()
    found = mend(site)
    assert [(one.how, type(one.error)) for one in found] == [("lost", reconcile.BytesLost)]
    assert ledger.entry(lost.batch_id).state == "refused"
    assert mend(site) == []
    assert parted(site) == (0, 0, 0, 0)


def test_what_was_mended_is_on_record(tmp_path: Path) -> None:
    site = made(tmp_path / "hub", 9)
    keep(site, "before")
    site.work([["deliver", "series", site.file()]])
    bring_back(site, "before", ("catalogue",))
    mend(site)
    with database.session(site.settings.catalog_database) as session:
        actions = [kept.action for kept in session.query(AuditRecord).order_by(AuditRecord.sequence)]  # type: ignore[arg-type]
    assert actions == ["batch.restore", "batch.partial"]


def test_a_receipt_waits_for_the_disk(tmp_path: Path) -> None:
    """WAL with synchronous=NORMAL loses its last commits at a power cut."""
    site = made(tmp_path / "hub", 10)
    with database.engine(site.settings.catalog_database).connect() as catalogue:
        assert catalogue.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_the_doctor_says_so_until_it_is_mended(tmp_path: Path) -> None:
    site = made(tmp_path / "hub", 11)
    site.work([["deliver", "changed", site.file()]])
    keep(site, "before")
    site.work([["deliver", "series", site.file()]])
    assert doctor.accounts_finding(site.settings).state == "good"
    for store in ("catalogue", "lake"):
        keep(site, "after")
        bring_back(site, "before", (store,))
        assert doctor.accounts_finding(site.settings).state == "bad", store
        bring_back(site, "after", ("catalogue", "lake"))
    bring_back(site, "before", ("catalogue",))
    mend(site)
    assert doctor.accounts_finding(site.settings).state == "good"


def test_the_chain_says_what_it_lost_and_goes_on(tmp_path: Path) -> None:
    """Both stores came back from before: seals in the head file outside go further than the chain. On record, once."""
    site = made(tmp_path / "hub", 12)
    settings = site.settings
    sealing.make_key(settings.audit_key)
    keep(site, "before")
    site.work([["deliver", "series", site.file()]])
    with database.session(settings.catalog_database) as session:
        sealed = sealing.seal(session, settings.audit_key, settings.audit_head)
    assert sealed is not None
    bring_back(site, "before", ("catalogue", "lake"))
    mend(site)
    mend(site)
    with database.session(settings.catalog_database) as session:
        (record,) = audit.listed(session, action=recovery.BEHIND)
        assert record.detail["seals"] == [{"last": sealed.last, "head": sealed.head}]
        assert sealing.seal(session, settings.audit_key, settings.audit_head) is not None
