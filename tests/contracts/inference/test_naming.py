"""Machine names: one for each title, the same every time, always allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.inference.glossary import using
from contracts.inference.naming import RESERVED, column_names, dataset_name, dataset_title, is_field_word, machine_name
from contracts.vocabulary import MACHINE_NAME


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("cityCode", "city_code"),
        ("EPAFacilityID", "epa_facility_id"),
        ("ELEV(M)", "elev_m"),
        ("STATION NAME", "station_name"),
        ("contactPoint.@type", "contact_point_type"),
        ("统一社会信用代码", "credit_code"),
        ("監測點編碼", "monitoring_point_code"),
        ("企业名称", "enterprise_name"),
        ("桃园", "taoyuan"),
        ("2020年", "year_2020"),
        ("order", "order_value"),
        ("1", "n1"),
        ("_batch", "batch_value"),
    ],
)
def test_names(title: str, name: str) -> None:
    assert machine_name(title) == name


def test_repeated_and_blank_titles_stay_apart() -> None:
    assert column_names(["名称", "name", "", "!!", "ID", "id"]) == ("name", "name_2", "column_3", "column_4", "id", "id_2")


@given(st.lists(st.text(max_size=90), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_every_title_gets_an_allowed_unique_name(titles: list[str]) -> None:
    names = column_names(titles)
    assert len(set(names)) == len(titles)
    assert all(MACHINE_NAME.fullmatch(name) and name not in RESERVED for name in names)
    assert names == column_names(titles)


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("accidents-with-duplicates_2024-07-20.csv", "accidents-with-duplicates"),
        ("readings.csv.gz", "readings"),
        ("企业名单2024年3月.xlsx", "企业名单"),
        ("企业名单（2）.xlsx", "企业名单"),
        ("report 2024Q1.csv", "report"),
        ("census_2010.csv", "census_2010"),
        ("20240301.csv", "20240301"),
    ],
)
def test_titles_of_files(file: str, title: str) -> None:
    assert dataset_title(file) == title


def test_a_dataset_always_has_a_name() -> None:
    assert MACHINE_NAME.fullmatch(dataset_name(dataset_title("……。csv")))
    assert dataset_name("企业名单") == "enterprise_list"
    with using({"危险化学品": "hazardous_chemical"}):  # as a pack brings it
        assert dataset_name("危险化学品企业名单") == "hazardous_chemical_enterprise_list"
    assert dataset_name("危险化学品企业名单").endswith("enterprise_list")


@pytest.mark.parametrize(
    ("word", "yes"), [("监测点编码", True), ("acq_time", True), ("name", True), ("北京市", False), ("2024", False)]
)
def test_field_words(word: str, yes: bool) -> None:
    assert is_field_word(word) is yes
