"""Collection by workbook: known by its mark, checked at once, errors back at their cells, strangers told apart."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlmodel import select

from catalog.acquisition.agreements import AgreementAgency
from catalog.audit import chain as audit
from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from catalog.identity.organizations import Organization
from contracts.excel import template
from hub.hub import Hub
from orchestration.execute import Executed, execute
from tests.orchestration.conftest import agree, site
from warehouse.ingest import senders
from warehouse.settings import Settings

AGENCIES = ("heihe-emergency", "yichun-emergency")


@pytest.fixture
def collecting(hub: Hub) -> Hub:
    """A collection from two agencies, with a mailbox and an outbox."""
    with hub.session() as session:
        registry.register(session, site("shelter", "hlj-emergency", "collect"), by="test", origin="pack")
        channel = {"kind": "template", "path": "mail/in", "outbox": "mail/out", "settle_seconds": 0.1}
        agree(session, "CJ-1", "shelter", "collect", "hlj-emergency", channel)
        for agency in (*AGENCIES, "daqing-emergency"):
            session.add(Organization(id=agency, name=agency, kind="agency", level="city"))
        session.flush()
        for agency in AGENCIES:
            session.add(AgreementAgency(agreement_id="CJ-1", organization_id=agency))
    (hub.settings.root / "mail" / "in").mkdir(parents=True)
    return hub


def send(hub: Hub, agency: str, *rows: tuple[object, ...], period: str = "2026-03", name: str = "") -> Path:
    """A template filled in by an agency and dropped into its folder of the mailbox."""
    path = hub.settings.root / "mail" / "in" / agency / (name or f"{agency}-{period}.xlsx")
    path.parent.mkdir(parents=True, exist_ok=True)
    template.write(hub.lookups.contract("shelter"), hub.lookups, path, agency=agency, period=period)
    book = load_workbook(path)
    sheet = book[book.sheetnames[0]]
    for number, row in enumerate(rows, start=template.HEADER_ROW + 1):
        for column, value in enumerate(row, start=1):
            sheet.cell(number, column, value)
    book.save(path)
    return path


def run(hub: Hub) -> Executed:
    (done,) = execute(hub.settings, ["collect"])
    return done


def batches(hub: Hub) -> list[Batch]:
    with hub.session() as session:
        return list(session.exec(select(Batch).order_by(Batch.sequence)))  # type: ignore[arg-type]


def test_each_workbook_is_a_batch_of_its_agency_and_period(collecting: Hub) -> None:
    send(collecting, "heihe-emergency", ("A1", 1), ("A2", 2))
    send(collecting, "yichun-emergency", ("B1", 3), period="2026-04")
    assert run(collecting).success
    told = [(b.organization_id, b.period, b.accepted, b.agreement_id, b.route) for b in batches(collecting)]
    assert sorted(told) == [
        ("heihe-emergency", "2026-03", 2, "CJ-1", "collect"),
        ("yichun-emergency", "2026-04", 1, "CJ-1", "collect"),
    ]


def test_errors_come_back_at_their_cells(collecting: Hub) -> None:
    send(collecting, "heihe-emergency", ("A1", 1), ("A2", -5))
    run(collecting)
    (returned,) = (collecting.settings.root / "mail" / "out" / "heihe-emergency").glob("*.xlsx")
    assert batches(collecting)[0].id in returned.name
    book = load_workbook(returned)
    sheet = book[book.sheetnames[0]]
    good, bad = (sheet.cell(template.HEADER_ROW + row, 2) for row in (1, 2))
    assert good.comment is None
    assert bad.comment is not None
    assert "-5" in bad.comment.text


def test_a_link_in_the_outbox_is_not_followed(collecting: Hub, tmp_path: Path) -> None:
    """Whoever may write there would have the hub write anywhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    outbox = collecting.settings.root / "mail" / "out"
    outbox.mkdir(parents=True)
    (outbox / "heihe-emergency").symlink_to(outside)
    send(collecting, "heihe-emergency", ("A1", 1), ("A2", -5))
    done = run(collecting)
    assert list(outside.iterdir()) == []
    assert any("heihe-emergency" in problem for problem in done.problems)
    assert [batch.accepted for batch in batches(collecting)] == [1]


@pytest.mark.parametrize("stem", ["危" * 83, "a" * 250])
def test_a_workbook_with_a_name_as_long_as_can_be_comes_back(collecting: Hub, stem: str) -> None:
    send(collecting, "heihe-emergency", ("A1", 1), ("A2", -5), name=f"{stem}.xlsx")
    assert run(collecting).success
    (returned,) = (collecting.settings.root / "mail" / "out" / "heihe-emergency").glob("*.xlsx")
    assert batches(collecting)[0].id in returned.name
    assert returned.name.startswith(stem[:20])


def test_a_clean_workbook_gets_nothing_back(collecting: Hub) -> None:
    send(collecting, "heihe-emergency", ("A1", 1))
    run(collecting)
    assert not (collecting.settings.root / "mail" / "out").exists()


def test_a_mended_workbook_is_taken_again_the_same_one_is_not(collecting: Hub) -> None:
    send(collecting, "heihe-emergency", ("A1", -1))
    run(collecting)
    assert run(collecting).loaded == ()
    send(collecting, "heihe-emergency", ("A1", 1))
    (one,) = run(collecting).loaded
    assert one.accepted == 1


def test_a_workbook_without_a_mark_is_told_and_left_out(collecting: Hub) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["编号", "数量"])
    book.save(collecting.settings.root / "mail" / "in" / "own.xlsx")
    send(collecting, "heihe-emergency", ("A1", 1))
    done = run(collecting)
    assert [one.accepted for one in done.loaded] == [1]
    assert any("own.xlsx" in problem for problem in done.problems)
    assert done.success
    assert run(collecting).problems == ()


def test_an_agency_that_is_not_asked_is_told_and_left_out(collecting: Hub) -> None:
    send(collecting, "daqing-emergency", ("C1", 1))
    done = run(collecting)
    assert any("daqing-emergency" in problem for problem in done.problems)
    assert batches(collecting) == []


def test_a_workbook_of_another_collection_is_left_to_that_one(collecting: Hub) -> None:
    with collecting.session() as session:
        registry.register(session, site("team", "hlj-emergency", "collect"), by="test", origin="pack")
        agree(
            session, "CJ-2", "team", "collect", "hlj-emergency", {"kind": "template", "path": "mail/in", "settle_seconds": 0.1}
        )
    send(collecting, "heihe-emergency", ("A1", 1))
    run(collecting)
    assert [batch.dataset for batch in batches(collecting)] == ["shelter"]


def test_a_file_that_only_looks_like_a_workbook_keeps_nobody_out(collecting: Hub) -> None:
    broken = collecting.settings.root / "mail" / "in" / "a-broken.xlsx"
    broken.write_bytes(b"no zip at all")
    good = send(collecting, "heihe-emergency", ("A1", 1))
    shutil.copy(good, good.with_name("copy.xlsx"))
    assert [one.accepted for one in run(collecting).loaded] == [1]


def put(hub: Hub, made: Path, where: str) -> Path:
    """A workbook moved to another place of the mailbox."""
    target = hub.settings.root / "mail" / "in" / where
    target.parent.mkdir(parents=True, exist_ok=True)
    return made.rename(target)


def signed(hub: Hub, by: str, **altered: str) -> Path:
    """A template that the hub signed for an agency; `altered`: what somebody wrote into its mark afterwards."""
    path = hub.settings.root / "mail" / f"{by}.xlsx"
    contract = hub.lookups.contract("shelter")
    sign = partial(senders.sign, hub.settings)
    mark = template.write(contract, hub.lookups, path, agency=by, period="2026-03", sign=sign)
    if altered:
        forged = replace(mark, **altered)  # type: ignore[arg-type]
        told = {"agency": forged.agency, "period": forged.period}
        template.write(contract, hub.lookups, path, **told, sign=lambda _mark: forged.signature)
    book = load_workbook(path)
    sheet = book[book.sheetnames[0]]
    for column, value in enumerate(("A1", 1), start=1):
        sheet.cell(template.HEADER_ROW + 1, column, value)
    book.save(path)
    return path


class TestWhoSentIt:
    """Whoever handed a workbook in is its sender; what it says of itself counts only where this hub signed it."""

    def refused(self, hub: Hub) -> list[dict[str, object]]:
        with hub.session() as session:
            found = audit.listed(session, action="deliver", object="dataset:shelter", outcome="refused")
            return [one.detail for one in found]

    def test_a_workbook_of_another_agency_in_ones_own_folder_is_refused_on_record(self, collecting: Hub) -> None:
        put(collecting, signed(collecting, "yichun-emergency"), "heihe-emergency/stolen.xlsx")
        done = run(collecting)
        assert batches(collecting) == []
        assert any("yichun-emergency" in problem and "heihe-emergency" in problem for problem in done.problems)
        (told,) = self.refused(collecting)
        assert (told["claims"], told["file"]) == ("yichun-emergency", "stolen.xlsx")

    def test_an_unsigned_one_in_the_common_mailbox_is_refused(self, collecting: Hub) -> None:
        put(collecting, send(collecting, "yichun-emergency", ("A1", 1)), "claims.xlsx")
        done = run(collecting)
        assert batches(collecting) == []
        assert any("claims.xlsx" in problem for problem in done.problems)
        assert self.refused(collecting)[0]["claims"] == "yichun-emergency"

    @pytest.mark.parametrize("altered", [{"agency": "yichun-emergency"}, {"period": "2026-04"}, {"signature": "0" * 64}])
    def test_a_forged_or_altered_mark_is_refused(self, collecting: Hub, altered: dict[str, str]) -> None:
        put(collecting, signed(collecting, "heihe-emergency", **altered), "forged.xlsx")
        run(collecting)
        assert batches(collecting) == []
        assert len(self.refused(collecting)) == 1

    def test_a_mark_of_another_hub_is_refused(self, collecting: Hub, tmp_path: Path) -> None:
        other = Settings(home=tmp_path / "other")
        other.root.mkdir()
        mark = template.TemplateMark("shelter", "1.0.0", 1, "heihe-emergency", "2026-03")
        with pytest.raises(senders.UnsignedMark):
            senders.sender(collecting.settings, replace(mark, signature=senders.sign(other, mark)))

    def test_a_signed_one_counts_wherever_it_lies(self, collecting: Hub) -> None:
        put(collecting, signed(collecting, "heihe-emergency"), "2026-03/whole.xlsx")
        assert run(collecting).success
        (batch,) = batches(collecting)
        assert (batch.organization_id, batch.period, batch.accepted) == ("heihe-emergency", "2026-03", 1)

    def test_a_link_to_another_agencys_folder_is_not_followed(self, collecting: Hub) -> None:
        made = send(collecting, "yichun-emergency", ("A1", 1))
        folder = collecting.settings.root / "mail" / "in" / "heihe-emergency"
        folder.mkdir(parents=True)
        (folder / "link.xlsx").symlink_to(made)
        run(collecting)
        assert [batch.organization_id for batch in batches(collecting)] == ["yichun-emergency"]
