"""Packs are added, listed and removed: refusals first, what people wrote stays, nothing of a pack leaves its folder."""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
from sqlmodel import select

from catalog.entries import codes, packs
from catalog.entries import contracts as registry
from catalog.entries.packs import PackConflict, UnknownPack
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.store import database
from contracts.odcs import loader
from contracts.packs.errors import InvalidPack
from hub.doctor import examine
from hub.hub import Hub, open_hub
from hub.packs import AddPack, PackInUse, RemovePack, add, bring_up_shipped, remove
from tests import packing
from tests.hub.test_acts import last, records
from tests.packing import BASE, LIBRARY, TESTER
from tests.sharing import Hub as Sharing
from tests.sharing import built
from warehouse.settings import Settings
from warehouse.storage import connection

API = "/api/v1/packs"


@pytest.fixture
def hub(settings: Settings) -> Hub:
    """A home with the base pack and the library's organization."""
    packing.install(settings, BASE)
    hub = open_hub(settings)
    with hub.session() as session:
        session.add(Organization(id="city-library", name="市图书馆", kind="department"))
    return hub


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the trial pack, to be changed."""
    return Path(shutil.copytree(LIBRARY, tmp_path / "library"))


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def archive(folder: Path, top: str = "") -> bytes:
    """The folder as a zip file, its files below `top`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, f"{top}{path.relative_to(folder)}")
    return out.getvalue()


def put(hub: Hub, folder: Path) -> str:
    return add(hub, TESTER, AddPack(file=folder)).outcome


class TestRefused:
    def test_who_is_no_administrator_sends_no_file(self, tmp_path: Path) -> None:
        check_doors(built(Settings(home=tmp_path / "var", _env_file=None)))

    @pytest.mark.parametrize(
        ("file", "old", "new", "said"),
        [
            ("pack.yaml", "name: library", "name: Library!", "pack.yaml: name"),
            ("pack.yaml", "version: 1.0.0", "version: newest", "pack.yaml: version"),
            ("pack.yaml", "licence: CC0-1.0", "license: CC0-1.0", "pack.yaml: licence"),
            ("pack.yaml", "name: library", "name: [", "pack.yaml is no YAML"),
            ("pack.yaml", "tone: red", "tone: pink", "pack.yaml: levels.values.热门.tone"),
            ("codes.yaml", "codes:", "entries:", "codes.yaml: demand-level.codes"),
            ("classes.yaml", "code:", "number:", "classes.yaml: classes.0.code"),
            ("glossary.yaml", "loan", "Loan of a book", "glossary.yaml: 借阅"),
            ("thesaurus.yaml", "借书日期", "条码号", "thesaurus.yaml"),
            ("thesaurus.yaml", "[馆藏编号, 条码号, barcode]", "馆藏编号", "thesaurus.yaml: 0"),
            ("contracts/book.odcs.yaml", "logicalType: string", "logicalType: words", "book.odcs.yaml"),
            ("transforms/dbt_project.yml", "name: library", "name: hui", "dbt_project.yml: name"),
            ("transforms/dbt_project.yml", "config-version", "on-run-start: drop table x\nconfig-version", "on-run-start"),
            ("transforms/models/theme/theme.yml", "data_type: bigint", "data_type: money", "theme.yml: model book_use lacks"),
            ("transforms/models/theme/theme.yml", "title_en: Use of books", "note: x", "theme.yml: model book_use lacks"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_file_and_field(
        self, hub: Hub, library: Path, file: str, old: str, new: str, said: str
    ) -> None:
        change(library, file, old, new)
        with pytest.raises(InvalidPack) as refused:
            put(hub, library)
        assert said in refused.value.message_en
        self._nothing_is_there(hub)

    @pytest.mark.parametrize("name", ["models.py", "transforms/models/theme/book_use.py", "run.sh", "lib.so", "page.html"])
    def test_a_pack_holds_no_programs(self, hub: Hub, library: Path, name: str) -> None:
        (library / name).write_text("import os", encoding="utf-8")
        with pytest.raises(InvalidPack, match="data and SQL"):
            put(hub, library)
        self._nothing_is_there(hub)

    @pytest.mark.parametrize("name", ["../evil.yaml", "/tmp/evil.yaml", "a/../../evil.yaml", "C:/evil.yaml"])
    def test_nothing_leads_out_of_an_archive(self, hub: Hub, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
            made.write(LIBRARY / "pack.yaml", "pack.yaml")
            made.writestr(name, "a: b")
        with pytest.raises(InvalidPack, match="leads out"):
            put(hub, tmp_path / "a.zip")
        assert not list(tmp_path.parent.rglob("evil.yaml"))

    def test_a_link_is_no_file(self, hub: Hub, library: Path, tmp_path: Path) -> None:
        link = zipfile.ZipInfo("codes.yaml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
            made.write(LIBRARY / "pack.yaml", "pack.yaml")
            made.writestr(link, "/etc/passwd")
        (library / "codes.yaml").unlink()
        (library / "codes.yaml").symlink_to("/etc/passwd")
        for source in (tmp_path / "a.zip", library):
            with pytest.raises(InvalidPack, match="link"):
                put(hub, source)

    def test_what_unpacks_to_too_much_is_stopped(self, hub: Hub, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
            made.write(LIBRARY / "pack.yaml", "pack.yaml")
            made.writestr("big.csv", b"0" * (11 << 20))
        with pytest.raises(InvalidPack, match="limits"):
            put(hub, tmp_path / "a.zip")

    @pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04 torn"])
    def test_what_is_no_archive_is_said_to_be_none(self, hub: Hub, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(InvalidPack):
            put(hub, tmp_path / "a.zip")

    def test_a_missing_dependency_is_named(self, hub: Hub, library: Path) -> None:
        change(library, "pack.yaml", "requires: {base: 1.0.0}", "requires: {base: 9.0.0, archive: 1.0.0}")
        with pytest.raises(PackConflict, match=r"base, at least 9\.0\.0"):
            put(hub, library)

    @pytest.mark.parametrize(
        ("file", "old", "new", "said"),
        [
            ("contracts/loan.odcs.yaml", "tenant: city-library", "tenant: nobody", "nobody"),
            ("contracts/book.odcs.yaml", "value: demand-level", "value: lost-list", "lost-list"),
            ("transforms/models/theme/book_use.sql", "resource('loan')", "resource('visitor')", "visitor"),
            ("codes.yaml", "demand-level:", "synonyms:", "synonyms"),
        ],
    )
    def test_what_it_needs_must_be_there(self, hub: Hub, library: Path, file: str, old: str, new: str, said: str) -> None:
        change(library, file, old, new)
        with pytest.raises(PackConflict, match=said):
            put(hub, library)
        self._nothing_is_there(hub)

    def test_names_of_another_pack_are_taken(self, hub: Hub, library: Path) -> None:
        put(hub, LIBRARY)
        change(library, "pack.yaml", "name: library", "name: archive")
        change(library, "transforms/dbt_project.yml", "name: library", "name: archive")
        with pytest.raises(PackConflict, match="contracts"):
            put(hub, library)

    def test_the_same_version_with_other_bytes(self, hub: Hub, library: Path) -> None:
        put(hub, LIBRARY)
        change(library, "codes.yaml", "title: 图书热度", "title: 热度")
        with pytest.raises(PackConflict, match="raise its version"):
            put(hub, library)

    def test_packs_only_go_forward(self, hub: Hub, library: Path) -> None:
        change(library, "pack.yaml", "version: 1.0.0", "version: 1.1.0")
        put(hub, library)
        with pytest.raises(PackConflict, match="only go forward"):
            put(hub, LIBRARY)

    @staticmethod
    def _nothing_is_there(hub: Hub) -> None:
        with hub.session() as session:
            assert [one.name for one in packs.in_use(session)] == ["base"]
            assert registry.datasets(session) == []
        assert [path.name for path in hub.settings.packs.iterdir()] == ["base-1.1.0"]
        assert list(hub.settings.scratch.iterdir()) == []


def check_doors(hub: Sharing) -> None:
    """At the API: who may not is refused before the body is read; who may adds, lists and removes, each with one record."""
    for who in ("steward", "partner", "auditor"):
        before = last(hub)
        answer = hub.client.post(API, content=b"x", headers=hub.auth(who))
        assert answer.status_code == 403
        assert [(one.action, one.outcome) for one in records(hub, before)] == [("pack.add", "refused")]
    with hub.session() as session:
        session.add(Organization(id="city-library", name="市图书馆", kind="department"))
    packing.install(hub.settings, BASE)
    boss, before = hub.auth("administrator"), last(hub)
    assert hub.client.post(API, content=b"x", headers=boss).json()["type"].endswith("invalid-pack")
    answer = hub.client.post(f"{API}?filename=library.zip", content=archive(LIBRARY, "library/"), headers=boss)
    assert answer.status_code == 200, answer.text
    assert [(one["resource"], one["outcome"]) for one in answer.json()["contracts"]] == [("book", "new"), ("loan", "new")]
    found = hub.client.get(API, headers=hub.auth("steward")).json()["packs"]
    assert [(one["name"], one["version"], one["models"]) for one in found][1:] == [("library", "1.0.0", ["book_use"])]
    assert hub.client.post(f"{API}/nothing/remove", json={}, headers=boss).status_code == 404
    gone = hub.client.post(f"{API}/library/remove", json={}, headers=boss)
    assert (gone.status_code, gone.json()["datasets"]) == (200, ["book", "loan"])
    done = [(one.action, one.object) for one in records(hub, before)]
    assert done == [("pack.add", "pack:library 1.0.0"), ("pack.list", "packs"), ("pack.remove", "pack:library")]


class TestAdded:
    @pytest.mark.parametrize("top", ["", "library/"])
    def test_a_folder_and_an_archive_are_the_same_pack(self, hub: Hub, tmp_path: Path, top: str) -> None:
        assert put(hub, LIBRARY) == "added"
        (tmp_path / "a.zip").write_bytes(archive(LIBRARY, top))
        assert put(hub, tmp_path / "a.zip") == "same"

    def test_the_hub_keeps_its_own_copy(self, hub: Hub, library: Path) -> None:
        put(hub, library)
        shutil.rmtree(library)
        assert (hub.settings.packs / "library-1.0.0" / "pack.yaml").is_file()
        with hub.session() as session:
            assert registry.datasets(session) == ["book", "loan"]
            assert codes.values(session, "demand-level") == ["热门", "一般"]
            assert codes.class_path(session, "201001")[-1].name == "公共图书馆"
            assert codes.labels(session, codes.SYNONYMS)["借书"] == ("借阅", "")

    def test_an_upgrade_takes_its_place(self, hub: Hub, library: Path) -> None:
        connection.initialise(hub.settings)  # the table of a changed contract is altered
        put(hub, LIBRARY)
        _raise(library)
        added = add(hub, TESTER, AddPack(file=library))
        assert (added.outcome, added.before) == ("upgraded", "1.0.0")
        assert {one.resource: one.outcome for one in added.contracts} == {"book": "changed", "loan": "same"}
        with hub.session() as session:
            assert registry.active(session, "book").version == "1.1.0"
            assert {one.version: one.state for one in packs.history(session) if one.name == "library"} == {
                "1.0.0": "replaced",
                "1.1.0": "in_use",
            }

    def test_a_contract_that_a_person_wrote_stays_and_the_packs_waits(self, hub: Hub, library: Path) -> None:
        put(hub, LIBRARY)
        mine = _edited(LIBRARY, "1.0.1")
        with hub.session() as session:
            registry.save(session, loader.parse(mine), by="person:li", origin="portal")
            registry.activate(session, loader.parse(mine), by="person:li")
        _raise(library)
        added = add(hub, TESTER, AddPack(file=library))
        assert {one.resource: one.outcome for one in added.contracts} == {"book": "waiting", "loan": "same"}
        with hub.session() as session:
            assert registry.active(session, "book").text == mine
            assert {one.version: one.status for one in registry.versions(session, "book")}["1.1.0"] == "draft"

    def test_sync_does_not_override_it_either(self, hub: Hub, library: Path) -> None:
        self.test_a_contract_that_a_person_wrote_stays_and_the_packs_waits(hub, library)
        with hub.session() as session:
            report = registry.sync(session, library / "contracts", "test")
            assert [one.outcome for one in report.contracts] == ["waiting", "same"]
            assert registry.active(session, "book").version == "1.0.1"

    def test_a_version_of_its_number_that_a_person_wrote_is_kept(self, hub: Hub, library: Path) -> None:
        put(hub, LIBRARY)
        with hub.session() as session:
            registry.save(session, loader.parse(_edited(LIBRARY, "1.1.0")), by="person:li", origin="portal")
        _raise(library)
        added = add(hub, TESTER, AddPack(file=library))
        assert added.contracts[0].outcome == "kept"
        with hub.session() as session:
            assert registry.active(session, "book").version == "1.0.0"

    def test_a_code_list_that_somebody_loaded_stays(self, hub: Hub) -> None:
        with hub.session() as session:
            codes.replace(session, "demand-level", [("9", "九", "")], title="别的")
        assert add(hub, TESTER, AddPack(file=LIBRARY)).kept == ["demand-level"]
        with hub.session() as session:
            assert codes.values(session, "demand-level") == ["9"]


def _raise(folder: Path) -> None:
    """A newer version, with one more item."""
    change(folder, "pack.yaml", "version: 1.0.0", "version: 1.1.0")
    change(folder, "contracts/book.odcs.yaml", "version: 1.0.0", "version: 1.1.0")
    end = "customProperties:\n- {property: delivery"
    more = "  - {name: pages, businessName: 页数, logicalType: integer, classification: L1}\n"
    change(folder, "contracts/book.odcs.yaml", end, more + end)


def _edited(folder: Path, version: str) -> str:
    text = (folder / "contracts" / "book.odcs.yaml").read_text(encoding="utf-8")
    return text.replace("version: 1.0.0", f"version: {version}").replace("businessName: 书名", "businessName: 题名")


class TestRemoved:
    def test_what_another_pack_needs_stays(self, hub: Hub) -> None:
        put(hub, LIBRARY)
        with pytest.raises(PackInUse, match="library"):
            remove(hub, TESTER, RemovePack(pack="base"))

    def test_datasets_with_rows_are_asked_for_first_and_stay(self, hub: Hub) -> None:
        put(hub, LIBRARY)
        with hub.session() as session:
            book = session.exec(select(Resource).where(Resource.name == "book")).one()
            book.rows = 5
            session.add(book)
        with pytest.raises(PackInUse, match="book"):
            remove(hub, TESTER, RemovePack(pack="library"))
        gone = remove(hub, TESTER, RemovePack(pack="library", keep_datasets=True))
        assert (gone.models, gone.datasets, gone.code_lists) == (["book_use"], ["book", "loan"], ["demand-level"])
        with hub.session() as session:
            assert registry.datasets(session) == ["book", "loan"]
            assert packs.find(session, "library") is None

    def test_it_comes_back(self, hub: Hub) -> None:
        put(hub, LIBRARY)
        remove(hub, TESTER, RemovePack(pack="library"))
        with pytest.raises(UnknownPack):
            remove(hub, TESTER, RemovePack(pack="library"))
        assert put(hub, LIBRARY) == "added"


class TestDoctor:
    def test_a_copy_that_was_changed_is_found_and_put_back(self, hub: Hub) -> None:
        put(hub, LIBRARY)
        assert self.seen(hub) == ["good"]
        (hub.settings.packs / "library-1.0.0" / "codes.yaml").write_text("{}", encoding="utf-8")
        assert self.seen(hub) == ["bad"]
        assert put(hub, LIBRARY) == "same"
        assert self.seen(hub) == ["good"]

    @staticmethod
    def seen(hub: Hub) -> list[str]:
        return [one.state for one in examine(hub.settings) if one.name == "packs"]


class TestShipped:
    def test_a_home_from_before_packs_finds_its_domain_again(self, settings: Settings) -> None:
        database.migrate(settings.catalog_database)
        hub = open_hub(settings)
        path = packing.EMERGENCY / "contracts" / "division.odcs.yaml"
        with hub.session() as session:
            for contract in (loader.read(one) for one in (packing.EMERGENCY / "contracts").glob("*.odcs.yaml")):
                if session.get(Organization, contract.owner) is None:
                    session.add(Organization(id=contract.owner, name=contract.owner, kind="department"))
                    session.flush()
            registry.register(session, loader.read(path), by="test", origin="pack")
        assert bring_up_shipped(hub, TESTER) == []
        with hub.session() as session:
            assert [one.name for one in packs.in_use(session)] == ["base", "emergency"]
        assert bring_up_shipped(hub, TESTER) == []

    def test_others_have_the_base_alone(self, hub: Hub) -> None:
        assert bring_up_shipped(hub, TESTER) == []
        with hub.session() as session:
            assert [one.name for one in packs.in_use(session)] == ["base"]
