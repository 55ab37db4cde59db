"""What every domain format must do, those of packs and plug-ins too: Python, polars and SQL say the same of every text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.checks.code_lists import fetch
from contracts.checks.formats import registry
from contracts.checks.formats.declared import InvalidFormats, declared
from contracts.checks.formats.registry import BrokenFormat
from contracts.errors import HubError
from contracts.model import Format, Type
from contracts.odcs.findings import InvalidContract
from tests.contracts.checks.plugged import installed
from tests.contracts.checks.trial_format import Isbn13
from tests.contracts.making import LISTS, agree, contract, item

DECLARED = """\
formats:
  - name: gauge-code
    title: {zh: 测站编码, en: Gauge code}
    asks: {zh: 应为 8 位测站编码, en: must be a gauge code of 8 digits}
    remedy: {zh: 请按测站名录核对, en: compare with the list of gauges}
    pattern: "[1-9][0-9]{7}"
    length: 8
    recognize: true
    valid: ["10600100"]
    invalid: ["0600100", "1060010A", "１0600100"]
  - name: alarm-level
    title: {zh: 预警级别, en: Alarm level}
    asks: {zh: 应为预警级别代码, en: must be a code of the alarm levels}
    remedy: {zh: 请从代码表选择, en: choose from the list}
    codeList: level
    valid: ["1", "4"]
    invalid: ["5", "红"]
"""
SPACES = ("", " ", "\t", "\u3000", "\ufeff", "\n")


def brought(tmp_path: Path) -> dict[str, Format]:
    path = tmp_path / "formats.yaml"
    path.write_text(DECLARED, encoding="utf-8")
    return {one.name: one for one in declared(path)}


NAMES = [*registry.OWN, "isbn-13", "gauge-code", "alarm-level"]


@pytest.fixture
def form(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Format]:
    """A format by its name, known as a pack or a plug-in makes it known."""
    known = {**registry.OWN, "isbn-13": Isbn13(), **brought(tmp_path)}
    registry.declare(one for name, one in known.items() if name not in registry.OWN)
    yield known[request.param]
    registry.declare(())


def made_of(form: Format) -> Any:
    own: dict[str, Any] = {"domainFormat": form.name}
    if form.type is Type.NUMBER:
        other = {"longitude": "latitude", "latitude": "longitude"}[form.name]
        own["datum"] = "CGCS2000"
        return contract([item("x", "number", own=own), item("y", "number", own={"domainFormat": other, "datum": "CGCS2000"})])
    return contract([item("x", form.type.value, own=own)])


def at_fault(form: Format, texts: list[str | None]) -> list[bool]:
    """Which of the texts both engines refuse by the format's rule, after asserting that they agree."""
    _, faults = agree(made_of(form), [{"x": text} for text in texts])
    rows = {row for row, _, rule, *_ in faults if rule in (form.name, "type")}
    return [row in rows for row in range(len(texts))]


@pytest.mark.parametrize("form", NAMES, indirect=True)
class TestEveryFormat:
    def test_it_has_words_in_both_languages(self, form: Format) -> None:
        for said in (form.title, form.heading, form.asks, form.summary):
            assert all(text.strip() for text in said)
            assert re.search("[\u4e00-\u9fff]", said[0])
            assert not re.search("[\u4e00-\u9fff]", said[1])
        assert re.fullmatch(r"[a-z][a-z0-9-]*", form.name)

    def test_samples_are_taken_and_refused(self, form: Format) -> None:
        assert form.valid
        assert form.invalid
        assert at_fault(form, [*form.valid, *filter(None, form.invalid)]) == [False] * len(form.valid) + [True] * len(
            list(filter(None, form.invalid))
        )

    def test_every_refusal_says_what_to_do(self, form: Format) -> None:
        for text in form.invalid:
            wrong = form.wrong(text) or form.unknown(text)
            assert all(wrong)
            assert re.search("[\u4e00-\u9fff]", wrong[0])

    def test_no_value_is_no_fault(self, form: Format) -> None:
        assert not any(at_fault(form, [None, *SPACES]))

    def test_spaces_around_are_no_fault(self, form: Format) -> None:
        assert not any(at_fault(form, [f"{left}{form.valid[0]}{right}" for left in SPACES for right in SPACES]))

    def test_recognition_counts_its_own_samples(self, form: Format) -> None:
        if form.recognition:
            assert all(re.fullmatch(form.recognition.pattern, text) for text in form.valid)

    @given(data=st.data())
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    def test_engines_agree_about_any_text(self, form: Format, data: st.DataObject) -> None:
        near = st.sampled_from([*form.valid, *filter(None, form.invalid)])
        changed = st.tuples(near, st.integers(0, 20), st.characters(codec="utf-8", exclude_characters="\0")).map(_changed)
        drawn = st.lists(st.one_of(changed, st.text(max_size=20).filter(lambda t: "\0" not in t), st.none()), max_size=20)
        texts = data.draw(drawn)
        refused = at_fault(form, texts)
        if form.type is not Type.STRING:
            return
        holds = form.holding(LISTS)
        for text, fault in zip(texts, refused, strict=True):
            value = (text or "").strip("\t\n\x0b\x0c\r \u00a0\u3000\ufeff\u200b")
            assert fault == bool(value and (form.wrong(value) is not None or not holds(value))), repr(text)


def _changed(one: tuple[str, int, str]) -> str:
    text, place, character = one
    return text[:place] + character + text[place + 1 :]


class TestBrought:
    def test_an_entry_point_brings_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with installed(tmp_path, "isbn-13 = tests.contracts.checks.trial_format:Isbn13", monkeypatch):
            assert registry.of("isbn-13") == Isbn13()
            made = contract([item("isbn", "string", own={"domainFormat": "isbn-13"})])
            assert made.item("isbn").format == Isbn13()
        with pytest.raises(InvalidContract, match="domainFormat"):
            contract([item("isbn", "string", own={"domainFormat": "isbn-13"})])

    @pytest.mark.parametrize(
        "points",
        [
            "isbn-13 = tests.contracts.checks.nowhere:Isbn13",
            "isbn-13 = tests.contracts.checks.trial_format:PATTERN",
            "isbn = tests.contracts.checks.trial_format:Isbn13",
        ],
    )
    def test_a_broken_one_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str) -> None:
        with installed(tmp_path, points, monkeypatch), pytest.raises(BrokenFormat, match=points.partition(" ")[0]):
            registry.formats()

    def test_the_hubs_own_cannot_be_taken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with installed(tmp_path, "mobile = tests.contracts.checks.trial_format:Isbn13", monkeypatch):
            assert registry.of("mobile") is registry.MOBILE


class TestDeclared:
    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ('pattern: "[1-9][0-9]{7}"', 'pattern: "(?=x)"', "look-around"),
            ('pattern: "[1-9][0-9]{7}"', 'pattern: "[0-9"', "pattern is wrong"),
            ('pattern: "[1-9][0-9]{7}"', 'pattern: "[0-9A-Z]*"', "is invalid, and fits"),
            ('valid: ["10600100"]', 'valid: ["x"]', "is valid, and does not fit"),
            ("codeList: level", "length: 1", "write pattern or codeList"),
            ("name: alarm-level", "name: gauge-code", "repeated"),
            ("name: alarm-level", "name: Alarm Level", "formats.1.name"),
            ("length: 8", "lenght: 8", "lenght"),
            ("{zh: 测站编码, en: Gauge code}", "测站编码", "formats.0.title"),
            ("formats:", "formats: [", "parsing"),
        ],
    )
    def test_refused_by_name(self, tmp_path: Path, old: str, new: str, told: str) -> None:
        path = tmp_path / "formats.yaml"
        path.write_text(DECLARED.replace(old, new), encoding="utf-8")
        with pytest.raises(InvalidFormats) as refused:
            declared(path)
        assert told in refused.value.message_en

    def test_taken(self, tmp_path: Path) -> None:
        gauge, level = brought(tmp_path).values()
        assert (gauge.name, gauge.title, gauge.length) == ("gauge-code", ("测站编码", "Gauge code"), 8)
        assert gauge.recognition is not None
        assert (level.lists, level.recognition) == (("level",), None)
        assert fetch(LISTS, "level") == {"1", "2", "3", "4"}

    def test_errors_are_for_people(self) -> None:
        assert issubclass(InvalidFormats, HubError)
