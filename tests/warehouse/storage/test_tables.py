"""Lake tables of datasets: made from contracts, many at once where many are about to be loaded."""

from __future__ import annotations

from contracts.model import Item, Type
from tests.warehouse.conftest import Hub, thing
from warehouse.storage import commits, connection, tables


def snapshot(hub: Hub) -> int:
    with connection.reader(hub.settings) as lake:
        return commits.snapshot(lake)


def test_many_datasets_get_their_tables_in_one_transaction(hub: Hub) -> None:
    contracts = [thing(dataset=f"set_{n}") for n in range(5)]
    before = snapshot(hub)
    tables.make_all(hub.settings, contracts)
    assert snapshot(hub) == before + 1
    assert hub.sql("SELECT count(*) FROM raw.set_4") == hub.sql("SELECT count(*) FROM resource.set_0") == [(0,)]
    tables.make_all(hub.settings, contracts)
    assert snapshot(hub) == before + 1, "nothing is missing"


def test_the_first_delivery_into_a_table_made_before(hub: Hub) -> None:
    contracts = [hub.given.add(thing(dataset=f"set_{n}")) for n in range(2)]
    tables.make_all(hub.settings, contracts)
    outcome = hub.deliver("编号,名称,数量\na,x,1\nb,y,2\n", dataset="set_1").outcome
    assert (outcome.inserted, outcome.table_rows) == (2, 2)


def test_a_table_that_is_there_keeps_its_rows(hub: Hub) -> None:
    hub.given.add(thing())
    hub.deliver("编号,名称,数量\na,x,1\n")
    more = thing(version="1.1.0", items=(Item("note", "备注", Type.STRING),))
    tables.make_all(hub.settings, [more, thing(dataset="one"), thing(dataset="two")])
    assert hub.things() == [("a", "x", 1)], "an additive version alters the table when its first delivery comes"


def test_columns_of_a_table_and_of_none(hub: Hub) -> None:
    tables.make_all(hub.settings, [thing(), thing(dataset="other")])
    with connection.reader(hub.settings) as lake:
        lake.execute("BEGIN")
        assert tables.existing(lake, "resource", "missing") == {}
        assert tables.existing(lake, "resource", "things") == dict(tables.columns(thing()))
