"""A power cut, a copy or a lagging replica brings one store back from before: it ends in one account, or in a fault by name."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import recovery
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.audit.chain import AuditRecord
from catalog.ledger import CatalogLedger
from catalog.store import database
from hub import comparison
from tests.crash import working
from tests.crash.rounds import Site, agree
from tests.crash.stores import Stores
from warehouse.ingest import accounts, rebuild, reconcile
from warehouse.ingest.process import finish
from warehouse.storage import connection, landing

STORES = (("catalogue",), ("lake",), ("catalogue", "lake"))


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


def made(folder: Path, seed: int, server: str = "") -> Site:
    site = Site(folder, random.Random(seed), Stores(server))
    site.folder.mkdir(parents=True, exist_ok=True)
    site.make()
    return site


@pytest.mark.parametrize("stores", STORES, ids="+".join)
@pytest.mark.parametrize(("kept_in", "seed"), [("sqlite", 1), ("postgresql", 2)])
def test_ends_in_one_account(
    tmp_path: Path, kept_in: str, seed: int, stores: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if kept_in == "postgresql" else ""
    site = made(tmp_path / "hub", seed, server)
    request.addfinalizer(site.stores.drop)
    cut = site.chance.randrange(1, 4)
    steps = [["deliver", site.chance.choice(sorted(working.DATASETS)), site.file()] for _ in range(4)]
    for number, step in enumerate(steps):
        if number == cut:
            site.stores.keep(site.settings, "before")
        site.work([step])
    whole = site.state()
    site.stores.bring_back(site.settings, "before", stores)
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
    site.stores.keep(site.settings, "before")
    lost = site.file()
    site.work([["deliver", "series", lost]])
    site.stores.bring_back(site.settings, "before", ("catalogue",))
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
    site.stores.keep(site.settings, "before")
    file = site.file()
    site.work([["deliver", "series", file]])
    rows = site.state()
    site.stores.bring_back(site.settings, "before", ("catalogue",))
    site.work([["deliver", "series", file]])
    agree(site)
    assert site.state() == rows
    assert len(CatalogLedger(site.settings.catalog_database).history("series")) == 1


def test_rows_lost_before_later_ones_are_named(tmp_path: Path) -> None:
    """The lake lost B, and went on with C: nothing is loaded out of its order; `hub rebuild` is named."""
    site = made(tmp_path / "hub", 7)
    site.work([["deliver", "series", site.file()]])
    site.stores.keep(site.settings, "before")
    site.work([["deliver", "series", site.file()]])
    ledger = CatalogLedger(site.settings.catalog_database)
    lost = ledger.history("series")[-1]
    site.stores.bring_back(site.settings, "before", ("lake",))
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
    site.stores.keep(site.settings, "before")
    site.work([["deliver", "series", site.file()]])
    ledger = CatalogLedger(site.settings.catalog_database)
    lost = ledger.history("series")[-1]
    site.stores.bring_back(site.settings, "before", ("lake",))
    landing.place(site.settings, lost.receipt.sha256).unlink()
    found = mend(site)
    assert [(one.how, type(one.error)) for one in found] == [("lost", reconcile.BytesLost)]
    assert ledger.entry(lost.batch_id).state == "refused"
    assert mend(site) == []
    assert parted(site) == (0, 0, 0, 0)


def test_what_was_mended_is_on_record(tmp_path: Path) -> None:
    site = made(tmp_path / "hub", 9)
    site.stores.keep(site.settings, "before")
    site.work([["deliver", "series", site.file()]])
    site.stores.bring_back(site.settings, "before", ("catalogue",))
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
    assert comparison.newest(site.settings).state == "good"  # kept, and brought back with the catalogue
    site.stores.keep(site.settings, "before")
    site.work([["deliver", "series", site.file()]])
    assert comparison.accounts(site.settings).state == "good"
    assert comparison.newest(site.settings).state == "good"
    for store in ("catalogue", "lake"):
        site.stores.keep(site.settings, "after")
        site.stores.bring_back(site.settings, "before", (store,))
        assert comparison.accounts(site.settings).state == "bad", store
        assert comparison.newest(site.settings).state == "bad", f"{store}: the newest batch is not the same"
        site.stores.bring_back(site.settings, "after", ("catalogue", "lake"))
    site.stores.bring_back(site.settings, "before", ("catalogue",))
    mend(site)
    assert comparison.accounts(site.settings).state == "good"


def test_the_chain_says_what_it_lost_and_goes_on(tmp_path: Path) -> None:
    """Both stores came back from before: seals in the head file outside go further than the chain. On record, once."""
    site = made(tmp_path / "hub", 12)
    settings = site.settings
    sealing.make_key(settings.audit_key)
    site.stores.keep(site.settings, "before")
    site.work([["deliver", "series", site.file()]])
    with database.session(settings.catalog_database) as session:
        sealed = sealing.seal(session, settings.audit_key, settings.audit_head)
    assert sealed is not None
    site.stores.bring_back(site.settings, "before", ("catalogue", "lake"))
    mend(site)
    mend(site)
    with database.session(settings.catalog_database) as session:
        (record,) = audit.listed(session, action=recovery.BEHIND)
        assert record.detail["seals"] == [{"last": sealed.last, "head": sealed.head}]
        assert sealing.seal(session, settings.audit_key, settings.audit_head) is not None
