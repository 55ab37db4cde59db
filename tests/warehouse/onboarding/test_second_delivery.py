"""A file onboarded, then the next one: what was taken back, converted and set aside in the first is so in the second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.inference.guess import ColumnAnswers
from contracts.model import Contract
from tests.warehouse.conftest import Hub
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Delivered

from .conftest import Draft

HEADER = "站号,站名,高德经度,高德纬度,观测时间,户数,年份\n"


def month(number: int, *, wrong: str = "") -> str:
    """A month's file: Excel's ="…", 24:00, .0 behind years, coordinates of AutoNavi, a total below."""
    rows = []
    for n in range(12):
        moment = f"2024-{number:02d}-{n + 1:02d} {24 if n == 3 else n:02d}:00"
        rows.append(f'"=""{n:05d}""",站{n},{126.5 + n / 100:.4f},45.8,{moment},{n + 1},2024.0\n')
    return HEADER + "".join(rows) + wrong + "合计,,,,,78,\n填表人：张三,,,,,,\n"


@pytest.fixture
def onboarded(hub: Hub, draft: Draft, in_this_process: None) -> tuple[Hub, Contract, Callable[[str, str], Delivered]]:
    """The first month drafted and loaded."""
    contract = hub.given.add(draft(month(1), "stations.csv", key=("站号", "观测时间")).contract)

    def deliver(text: str, name: str) -> Delivered:
        return ingest.deliver(
            hub.settings, hub.ledger, hub.given, hub.file(text, name), dataset=contract.dataset, received_by="test"
        )

    made = deliver(month(1), "stations-1.csv")
    assert (made.outcome.state, made.outcome.accepted, made.outcome.quarantined) == ("loaded", 12, 2), made.outcome
    return hub, contract, deliver


def items(contract: Contract) -> dict[str, str]:
    return {(item.source or (item.title,))[0]: item.name for item in contract.items}


class TestTheSecondFile:
    def test_it_is_read_as_the_first(self, onboarded) -> None:
        hub, contract, deliver = onboarded
        made = deliver(month(2), "stations-2.csv")
        assert (made.outcome.state, made.outcome.accepted, made.outcome.quarantined) == ("loaded", 12, 2)
        names = items(contract)
        columns = ", ".join(names[title] for title in ("站号", "高德经度（CGCS2000）", "观测时间", "年份"))
        rows = hub.sql(f"SELECT {columns} FROM resource.{contract.dataset} ORDER BY ALL")
        assert len(rows) == 24
        number, longitude, _, year = rows[0]
        assert (number, year) == ("00000", 2024)
        assert 126.49 < longitude < 126.5
        midnights = [str(row[2])[:16] for row in rows if row[0] == "00003"]
        assert midnights == ["2024-01-05 00:00", "2024-02-05 00:00"]

    def test_a_total_that_is_wrong_in_the_second_is_told(self, onboarded) -> None:
        _, _, deliver = onboarded
        made = deliver(month(2).replace(",78,", ",79,"), "stations-2.csv")
        assert (made.outcome.state, made.outcome.accepted) == ("partial", 12)
        assert {fault.rule for fault in made.outcome.faults} == {"total-mismatch", "note"}

    def test_one_written_otherwise_is_quarantined_and_not_nulled(self, onboarded) -> None:
        hub, _, deliver = onboarded
        wrong = '"=""00099""",站99,不详,45.8,2024-02-01 25:00,1,2024.0\n'
        made = deliver(month(2, wrong=wrong).replace(",78,", ",79,"), "stations-2.csv")
        assert (made.outcome.accepted, made.outcome.quarantined) == (12, 3)
        assert len(hub.sql("SELECT record FROM quarantine.rows WHERE contains(CAST(record AS VARCHAR), '25:00')")) == 1

    def test_mends_of_answers_are_in_the_contract(self, hub: Hub, draft: Draft, in_this_process: None) -> None:
        text = "编号,发生日期\n" + "".join(f"S{n:02d},{44927 + n}\n" for n in range(20))
        contract = hub.given.add(draft(text, "serials.csv", ColumnAnswers(dates={"发生日期": "excel"})).contract)
        for name, shift in (("a.csv", 0), ("b.csv", 31)):
            later = "编号,发生日期\n" + "".join(f"S{n + shift:02d},{44927 + n + shift}\n" for n in range(20))
            made = ingest.deliver(
                hub.settings, hub.ledger, hub.given, hub.file(later, name), dataset=contract.dataset, received_by="test"
            )
            assert (made.outcome.state, made.outcome.accepted) == ("loaded", 20)
        date = items(contract)["发生日期"]
        assert [str(day) for day in hub.sql(f"SELECT min({date}), max({date}) FROM resource.{contract.dataset}")[0]] == [
            "2023-01-01",
            "2023-02-20",
        ]
