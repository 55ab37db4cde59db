"""What one small delivery costs, in counts that no busy machine changes: a hundred of them are one run's work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from sqlalchemy import event

from contracts.model import Delivery
from tests.warehouse.conftest import Hub, thing
from warehouse.foreign import door
from warehouse.storage import connection, standing, tables


class Counted:
    """Statements to the lake, writing commits of the catalogue, syncs of landing and workers, since `begin`."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.lake: list[str] = []
        self.commits = self.syncs = self.workers = 0
        self.wrote = False

    def statement(self, sql: str) -> None:
        self.wrote = self.wrote or sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))

    def commit(self) -> None:
        self.commits += self.wrote
        self.wrote = False


@pytest.fixture
def counted(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    told, execute, sync, channel = Counted(), duckdb.DuckDBPyConnection.execute, os.fsync, door._channel

    def asked(self: duckdb.DuckDBPyConnection, sql: str, *rest: Any) -> duckdb.DuckDBPyConnection:
        told.lake.append(" ".join(sql.split())[:80])
        return execute(self, sql, *rest)

    def synced(file: int) -> None:
        told.syncs += 1
        sync(file)

    def opened() -> Any:
        told.workers += 1
        return channel()

    monkeypatch.setattr(duckdb.DuckDBPyConnection, "execute", asked)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(door, "_channel", opened)
    listeners = (
        ("after_cursor_execute", lambda _c, _cursor, sql, *_: told.statement(sql)),
        ("commit", lambda _c: told.commit()),
    )
    for name, does in listeners:
        event.listen(hub.ledger.engine, name, does)
    yield told
    for name, does in listeners:
        event.remove(hub.ledger.engine, name, does)


def rows(turn: int) -> str:
    return "编号,名称,数量\n" + "".join(f"{turn}-{n},第 {n} 行,{n}\n" for n in range(10))


def test_a_small_delivery_into_a_table_with_rows(hub: Hub, counted: Counted) -> None:
    hub.given.add(thing())
    hub.deliver(rows(0))
    counted.begin()
    assert hub.deliver(rows(1)).outcome.inserted == 10
    assert len(counted.lake) <= 20, counted.lake
    assert counted.commits == 3, "receipt, check, result"
    assert counted.syncs == 3, "the file and the two folders that name it"
    assert counted.workers == 1


def test_small_deliveries_of_a_run_share_a_worker(hub: Hub, counted: Counted) -> None:
    for name in ("one", "two", "three"):
        hub.given.add(thing(dataset=name))
    with door.in_turn():
        for turn, name in enumerate(("one", "two", "three")):
            hub.deliver(rows(turn), dataset=name)
    assert counted.workers == 1


def test_tables_that_are_there_cost_a_run_one_look(hub: Hub, counted: Counted) -> None:
    contracts = [thing(dataset=f"set_{n}") for n in range(5)]
    tables.make_all(hub.settings, contracts)
    counted.begin()
    tables.make_all(hub.settings, contracts)
    assert len(counted.lake) == 2, counted.lake


@pytest.mark.parametrize("delivery", [Delivery.CHANGES, Delivery.FULL])
def test_the_metadata_count_what_the_table_holds(hub: Hub, delivery: Delivery) -> None:
    hub.given.add(thing(delivery=delivery))
    for text in ("a,x,1\nb,y,2\nc,z,3\nd,w,4\n", "a,x,1\nb,Y,2\nc,z,3\nd,w,4\ne,v,5\n", "a,x,9\nb,Y,2\nc,z,3\nf,u,?\ne,v,5\n"):
        delivered = hub.deliver("编号,名称,数量\n" + text)
        with connection.writer(hub.settings) as lake:
            told = standing.of(lake, "things", delivered.batch_id)
            assert told.rows == tables.count(lake, "resource", "things") == delivered.outcome.table_rows
            assert told.bytes == tables.size(lake, "resource", "things")
            assert told.columns["raw"] == set(tables.existing(lake, "raw", "things"))
            assert not told.batch_unknown
            assert standing.of(lake, "things", "20260101-9999").batch_unknown


def test_a_dataset_without_tables(hub: Hub) -> None:
    with connection.writer(hub.settings) as lake:
        told = standing.of(lake, "things", "20260101-0001")
    assert (told.columns, told.rows, told.bytes) == ({"raw": frozenset(), "resource": frozenset()}, 0, 0)
