"""JSON that is no list of records: errors, one page of many, text inside text, columns side by side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.errors import HubError
from contracts.inference import documents

ROWS = [{"编号": f"S{n:02d}", "人口": 300 + n, "面积": 50.5} for n in range(12)]


def written(document: Any, indent: int | None = None) -> str:
    return json.dumps(document, ensure_ascii=False, indent=indent)


class TestErrors:
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize(
        "document",
        [
            {"code": 500, "msg": "系统繁忙", "data": None},
            {"code": 500, "msg": "系统繁忙", "data": []},
            {"code": "401", "message": "令牌已经失效，请重新登录系统"},
            {"success": False, "message": "无权限", "data": {}},
            {"status": 404, "error": "Not Found", "path": "/api"},
            {"errcode": 40001, "errmsg": "invalid credential"},
            {"error": {"code": 403, "message": "forbidden"}},
            {"code": 1001, "msg": "参数错误", "errors": [{"field": "a", "why": "b"}, {"field": "c", "why": "d"}]},
        ],
    )
    def test_an_error_answer_is_no_dataset(self, draft, document: Any, indent: int | None) -> None:
        with pytest.raises(HubError, match=r"出错应答"):
            draft(written(document, indent), "a.json")

    @pytest.mark.parametrize(
        "document",
        [
            {"code": 0, "msg": "ok", "data": {"rows": ROWS}},
            {"code": 200, "message": "成功", "data": ROWS},
            {"success": True, "data": ROWS},
            {"status": "success", "result": ROWS},
            {"code": "230000", "name": "黑龙江", "children": ROWS},
        ],
    )
    def test_answers_with_records_are_data(self, draft, document: Any) -> None:
        assert draft(written(document), "a.json").profile.rows == 12


class TestPages:
    @pytest.mark.parametrize("key", ["total", "totalCount", "recordsTotal", "totalElements"])
    def test_a_page_of_many_is_told(self, draft, key: str) -> None:
        drafted = draft(written({"code": 0, "data": {key: 12000, "rows": ROWS}}), "a.json")
        assert any("12,000" in each.zh and "12" in each.zh for each in drafted.evidence)

    def test_a_whole_answer_is_not(self, draft) -> None:
        drafted = draft(written({"code": 0, "data": {"total": 12, "rows": ROWS}}), "a.json")
        assert not any("共有" in each.zh for each in drafted.evidence)


class TestTextInside:
    @pytest.mark.parametrize("indent", [None, 2])
    def test_json_inside_a_text_is_opened_character_by_character(self, draft, indent: int | None) -> None:
        inner = written(ROWS).replace("50.5", "12345678901234567.89")
        for document in ({"code": 0, "data": inner}, {"code": 0, "data": {"list": inner}}):
            drafted = draft(written(document, indent), "a.json")
            assert drafted.profile.rows == 12
            assert drafted.profile.columns[2].least == "12345678901234567.89"

    def test_a_document_that_is_one_text(self, draft) -> None:
        assert draft(written(written(ROWS)), "a.json").profile.rows == 12


class TestShapes:
    @pytest.mark.parametrize(
        ("document", "answer"),
        [
            ({"编号": ["a", "b", "c"], "人口": [1, 2, 3]}, "columns"),
            ({"编号": {"0": "a", "1": "b", "2": "c"}, "人口": {"0": 1, "1": 2, "2": 3}}, "columns"),
            ({"code": 0, "data": {"编号": ["a", "b", "c"], "人口": [1, 2, 3]}}, "columns:data"),
        ],
    )
    def test_columns_side_by_side_are_asked_and_the_answer_works(self, draft, asked, document: Any, answer: str) -> None:
        [question] = asked(written(document), "a.json")
        assert question.choices[0].value == answer
        drafted = draft(written(document), "a.json", records=answer)
        assert [column.source for column in drafted.profile.columns] == ["编号", "人口"]
        assert drafted.profile.rows == 3

    def test_the_document_as_one_record(self, draft, asked) -> None:
        text = written({"name": "x", "tags": ["a", "b"], "n": 1}, 2)
        [question] = asked(text, "a.json")
        assert draft(text, "a.json", records=question.choices[-1].value).profile.rows == 1

    @pytest.mark.parametrize("text", ["null", " true\n", "false", "[1,2,3,4,5]"])
    def test_a_single_value_is_named(self, draft, text: str) -> None:
        with pytest.raises(HubError, match=r"JSON 值"):
            draft(text, "a.json")

    @pytest.mark.parametrize(
        "text",
        [
            '// 导出\n[{"a":1,"b":"x"},{"a":2,"b":"y"}]',
            '/* 导出 */ {"rows": [{"a":1}]}',
            '[\n {"a":1}, // 一\n {"a":2}\n]',
            '[{"a":1},{"a":2},]',
            "[{'a':1},{'a':2}]",
        ],
    )
    def test_comments_are_named(self, draft, text: str) -> None:
        with pytest.raises(HubError, match=r"注释"):
            draft(text, "a.json")

    def test_texts_with_slashes_are_no_comments(self) -> None:
        assert not documents.commented('[{"a": "http://x.cn/ /* */", "b": ",]"}]')
        assert not documents.commented("# 说明\n编号,名称\n1,甲\n")


class TestRepeatedKeys:
    @pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
    def test_they_are_told_with_counts(self, draft, name: str) -> None:
        each = '{"a":1,"a":2,"b":"x"}'
        text = f"[{each},{each},{each}]" if name == "a.json" else f"{each}\n{each}\n{each}\n"
        assert any("a（3 条）" in said.zh for said in draft(text, name).evidence)
