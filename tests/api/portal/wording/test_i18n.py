"""Both languages: every message has its English, and no English page is left with a Chinese word of the portal's own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.portal.wording.i18n import accepted, say
from tests.api.portal.conftest import Reader
from tests.api.portal.filling import Filled

PORTAL = Path(__file__).resolve().parents[4] / "api" / "portal"
HAN = re.compile(r"[\u4e00-\u9fff\u3001-\u303f\uff00-\uffef]")
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.do", "silent": "false", "encoding": "utf-8"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": (2,)}

PAGES = (
    "/", "/?q=hazard", "/?sharing=2&q=zzz", "/resources/major_hazard", "/resources/major_hazard/items",
    "/resources/major_hazard/preview", "/resources/major_hazard/quality", "/resources/major_hazard/versions",
    "/resources/major_hazard/lineage", "/resources/major_hazard/contract", "/resources/reservoir", "/acquire",
    "/resources/major_hazard/versions/4/recall",
    "/acquire?agreement=GM-2026-001", "/batches", "/batches/{jiamusi}", "/batches/{hegang}", "/batches/{qitaihe}",
    "/batches/{jiamusi}/receipt", "/batches/{jiamusi}/undo", "/batches/{jiamusi}/correct",
    "/batches/{jiamusi}/rows", "/collect",
    "/collect/CJ-2026-003", "/inbox", "/attempts", "/calendar", "/help", "/help/keys", "/help/accessibility",
    "/help/parts", "/nowhere",
)  # fmt: skip


def messages() -> set[object]:
    found = extract_from_dir(PORTAL, METHODS, OPTIONS, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}


def test_every_message_has_its_english() -> None:
    with (PORTAL / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale="en")
    told = {(message.id if isinstance(message.id, str) else tuple(message.id)): message.string for message in catalog}
    missing = [message for message in messages() if not told.get(message)]
    assert not missing, f"no English for {missing}: add it to translations/en"


def test_no_english_is_left_over() -> None:
    with (PORTAL / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale="en")
    known = messages()
    kept = [(m.id if isinstance(m.id, str) else tuple(m.id)) for m in catalog if m.id]
    assert not [message for message in kept if message not in known]


def test_english_holds_no_chinese_and_keeps_every_value() -> None:
    with (PORTAL / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale="en")
    for message in catalog:
        if not message.id:
            continue
        source_text = message.id if isinstance(message.id, str) else message.id[0]
        for english in [message.string] if isinstance(message.string, str) else message.string:
            assert not HAN.search(english), english
            values = r"%\((\w+)\)s"
            assert set(re.findall(values, english)) == set(re.findall(values, source_text)), source_text


class Texts(HTMLParser):
    """Text and spoken attributes of a page, without what is marked as Chinese."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "wbr", "hr"})
    SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-copied")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        language = told.get("lang") or (self.stack[-1] if self.stack else "")
        if tag in ("code", "pre", "option") or "mono" in (told.get("class") or "").split() or "value" in told.get("class", ""):
            language = "data"
        if language.startswith("en") or not language:
            self.found += [str(told[name]) for name in self.SPOKEN if told.get(name)]
        if tag not in self.VOID:
            self.stack.append(language)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        if self.stack and tag not in self.VOID:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1].startswith("en"):
            self.found.append(data)


def chinese_left(text: str) -> list[str]:
    parser = Texts()
    parser.feed(text)
    # A message to a provider quotes the value as it was received.
    return [found.strip() for found in parser.found if HAN.search(re.sub(r"received .*", "", found))]


def test_the_parser_finds_what_is_not_marked() -> None:
    assert chinese_left('<html lang="en"><p>目录</p><p lang="zh-CN">目录</p><b title="批次">x</b>') == ["目录", "批次"]


@pytest.mark.day
@pytest.mark.parametrize("path", PAGES)
def test_no_chinese_of_the_portals_own_on_english_pages(reader: Reader, hub: Filled, path: str) -> None:
    answer = reader("steward", "en").get(path.format(**hub.batches))
    assert 'lang="en"' in answer.text
    assert not chinese_left(answer.text)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/acquire", "/batches/{jiamusi}"])
def test_refusals_and_the_sign_in_speak_english_too(reader: Reader, hub: Filled, path: str) -> None:
    assert not chinese_left(reader("partner", "en").get(path.format(**hub.batches)).text)
    assert not chinese_left(reader("", "en").get(path.format(**hub.batches)).text)


@pytest.mark.parametrize("path", PAGES)
def test_chinese_pages_say_so_and_every_page_has_one_heading(reader: Reader, hub: Filled, path: str) -> None:
    text = reader("steward").get(path.format(**hub.batches)).text
    assert '<html lang="zh-CN"' in text
    assert text.count("<h1") == 1


def test_a_parameter_chooses_the_language_and_a_cookie_keeps_it(reader: Reader) -> None:
    client = reader("steward")
    assert "Catalogue" in client.get("/?lang=en&q=危险").text
    assert "Catalogue" in client.get("/").text
    assert "目录" in client.get("/?lang=zh").text


def test_the_switch_stays_on_the_page_with_its_filters(reader: Reader) -> None:
    text = reader("steward").get("/?q=危险&sharing=2&sharing=1").text
    assert 'href="/?q=%E5%8D%B1%E9%99%A9&amp;sharing=2&amp;sharing=1&amp;lang=en"' in text


def test_an_unknown_language_changes_nothing(reader: Reader) -> None:
    answer = reader().get("/?lang=fr")
    assert 'lang="zh-CN"' in answer.text
    assert "hui_lang=fr" not in str(answer.headers)


def test_the_browsers_language_is_taken_where_nothing_was_chosen() -> None:
    assert accepted("en-GB,en;q=0.8,zh;q=0.5") == "en"
    assert accepted("fr,zh-CN;q=0.8") == "zh"
    assert accepted("fr") == accepted(None) == "zh"


def test_a_message_takes_its_values() -> None:
    assert say("en", "%(rows)s 行", rows="12") == "12 rows"
    assert say("zh", "%(rows)s 行", rows="12") == "12 行"
