"""Needs against a real catalogue: the list of open data of 桃園市, in traditional characters, columns as offices named them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import python_calamine
from sqlmodel import Session

from catalog.entries import search_index
from catalog.entries.resources import Resource
from catalog.matching import matches
from catalog.matching.likening import Wanted
from catalog.store import database
from contracts.model import Contract, Item, Type
from tests.catalog import making

MOST = 300
CASES = (
    # title, items, a part of the titles that are right
    ("医院病床", ("病床数", "地址"), "醫院"),
    ("自来水承装业者", ("承装商名称", "许可证字号", "等级"), "承裝"),
    ("废弃车辆拖吊", ("拖吊场", "地址", "电话"), "拖吊"),
    ("身心障碍者送餐", ("办理单位", "服务里别"), "送餐"),
    ("公告地价", ("公告现值", "公告地价", "地号"), "公告地價"),
    ("财团法人名册", ("财团法人名称", "设立许可日期"), "財團法人"),
    ("停车场车位", ("剩余车位", "停车场"), "停車場"),
    ("建物买卖", ("地段代码", "栋数"), "建物"),
    ("电气承装业", ("登记证字号", "公司行号名称"), "承裝"),
    ("食用油回收", ("管制编号", "许可证字号", "机构类别"), "機構"),
    ("食品抽验", ("抽验日期", "检体名称", "检验项目"), "抽驗"),
    ("早期疗育中心", ("中心名称", "服务对象", "委托单位"), "中心"),
)
"""Written from the list before the matching was tried on it."""


@pytest.fixture(scope="module")
def taoyuan(empty_sqlite: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    path = tmp_path_factory.mktemp("taoyuan") / "catalog.db"
    shutil.copy(empty_sqlite, path)
    book = python_calamine.CalamineWorkbook.from_path(shared_data / "catalogues" / "taoyuan_open_data_list.xls")
    rows = book.get_sheet_by_index(0).to_python()[1 : MOST + 1]
    with database.session(f"sqlite:///{path}") as session:
        making.organization(session)
        for number, row in enumerate(rows):
            resource = Resource(name=f"t_{number}", title=str(row[1]), provider_id="water", rows=1)
            session.add(resource)
            session.flush()
            titles = dict.fromkeys(filter(None, map(str.strip, re.split(r"[、,，\r\n\t]+", str(row[5])))))
            items = tuple(Item(f"c_{at}", title[:80], Type.STRING) for at, title in enumerate(titles))
            search_index.index(session, resource, Contract("", "1.0.0", resource.name, resource.title, items))
    with Session(database.engine(f"sqlite:///{path}")) as session:
        yield session
    database.engine(f"sqlite:///{path}").dispose()


def test_a_real_catalogue_s_columns_are_found_by_simplified_names(taoyuan: Session) -> None:
    missed = []
    for title, items, right in CASES:
        found = matches.matches(taoyuan, making.STEWARD, [Wanted(one) for one in items], title=title)
        if not any(right in one.resource.title and one.enough for one in found[:3]):
            missed.append((title, [(one.resource.title, one.score) for one in found[:3]]))
    assert len(missed) <= len(CASES) / 10, missed


@pytest.mark.parametrize(
    ("title", "items"), [("地震", ("震级", "震源深度")), ("船舶", ("船名", "总吨位", "船籍港")), ("航班", ("flight number",))]
)
def test_what_it_has_not_is_not_found(taoyuan: Session, title: str, items: tuple[str, ...]) -> None:
    assert [
        one for one in matches.matches(taoyuan, making.STEWARD, [Wanted(one) for one in items], title=title) if one.enough
    ] == []
