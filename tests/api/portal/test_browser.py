"""Every page in a real Chromium: both languages, both themes, desktop and phone; keyboard, no script, print. Screenshots are
written to tests/screenshots/ to be looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.api.portal.conftest import SHOTS, session_of
from tests.api.portal.filling import Filled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "home": "/",
    "search": "/?q=危险源&sharing=2",
    "nothing": "/?route=collect&sharing=1",
    "resource": "/resources/major_hazard",
    "items": "/resources/major_hazard/items",
    "preview": "/resources/major_hazard/preview",
    "quality": "/resources/major_hazard/quality",
    "versions": "/resources/major_hazard/versions",
    "lineage": "/resources/major_hazard/lineage",
    "contract": "/resources/major_hazard/contract",
    "register": "/acquire",
    "agreement": "/acquire?agreement=GM-2026-001",
    "batches": "/batches",
    "batch": "/batches/{jiamusi}",
    "returned": "/batches/{hegang}",
    "receipt": "/batches/{jiamusi}/receipt",
    "undo": "/batches/{jiamusi}/undo",
    "correct": "/batches/{jiamusi}/correct",
    "correct-rows": "/batches/{jiamusi}/rows",
    "collect": "/collect",
    "board": "/collect/CJ-2026-003",
    "inbox": "/inbox",
    "calendar": "/calendar",
    "attempts": "/attempts",
    "help": "/help",
    "keys": "/help/keys",
    "parts": "/help/parts",
    "missing": "/nowhere",
}
OWN_PAGES = {
    "administrator": {
        "people": "/administration/people",
        "person": "/administration/people/partner",
        "new-person": "/administration/people/new",
        "organizations": "/administration/organizations",
        "organization": "/administration/organizations/hlj-water",
        "health": "/administration/health",
    },
    "auditor": {"audit": "/audit?outcome=done"},
    "partner": {"account": "/account"},
}
"""Pages of one role alone."""
LOOKS = ((1440, "zh", "light"), (1280, "en", "dark"), (390, "zh", "light"), (390, "en", "dark"))

WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', e => window.__violations.push(e.violatedDirective + ' ' + e.blockedURI));
"""
BASICS = """() => {
  const faults = [];
  const name = e => e.tagName + '.' + (e.getAttribute('class') || '') + '#' + e.id;
  const seen = e => e.getClientRects().length > 0;
  document.querySelectorAll('input:not([type=hidden]), select, textarea').forEach(e => {
    if (!e.labels.length && !e.getAttribute('aria-label')) faults.push('no label: ' + name(e));
  });
  document.querySelectorAll('a, button, summary').forEach(e => {
    if (seen(e) && !(e.textContent.trim() || e.getAttribute('aria-label') || e.title)) faults.push('no name: ' + name(e));
  });
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at && !['hatch', 'waiting'].includes(id));
  if (twice.length) faults.push('ids twice: ' + twice.join(' '));
  let last = 0;
  document.querySelectorAll('h1, h2, h3').forEach(e => {
    const level = Number(e.tagName[1]);
    if (level > last + 1) faults.push('heading skips: ' + e.textContent.trim());
    last = level;
  });
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  if (!document.documentElement.lang) faults.push('no language');
  document.querySelectorAll('img').forEach(e => { if (!e.hasAttribute('alt')) faults.push('no alt: ' + name(e)); });
  document.querySelectorAll('table').forEach(e => { if (!e.caption) faults.push('no caption: ' + name(e)); });
  document.querySelectorAll('a[href="#"], a:not([href])').forEach(e => faults.push('dead link: ' + e.textContent.trim()));
  const small = [...document.querySelectorAll('a, button, input, select, summary')].filter(e => {
    const box = e.getBoundingClientRect();
    const inline = getComputedStyle(e).display === 'inline' || e.matches('td a, dd a, p a, li a, h2 a, span a, th a');
    return seen(e) && !inline && box.height < 23.5 && !e.closest('.hidden-text') && !e.matches('.skip')
      && !e.matches('input[type=checkbox], input[type=radio]');
  });
  small.forEach(e => faults.push('small target: ' + name(e)));
  return faults;
}"""


class Watched:
    """A browser page that keeps what goes wrong in it."""

    def __init__(self, context: Any, address: str) -> None:
        self.address = address
        self.errors: list[str] = []
        self.outside: list[str] = []
        context.add_init_script(WATCH)
        self.page = context.new_page()
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.outside.append(request.url)

    def open(self, path: str) -> Any:
        self.page.goto(self.address + path, wait_until="networkidle")
        return self.page

    def clean(self, *, missing: bool = False) -> None:
        """No error in the console, no breach of the policy, nothing asked of another host."""
        left = [text for text in self.errors if not (missing and "404" in text)]
        assert not left
        assert not self.outside
        assert not self.page.evaluate("window.__violations")


@pytest.fixture
def look(chromium: Any, address: str, hub: Filled) -> Iterator[Any]:
    """Contexts of a reader: width, language, theme, login; closed at the end."""
    made: list[Any] = []

    def reader(width: int = 1280, language: str = "zh", theme: str = "light", login: str = "steward", **more: Any) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **more)
        cookies = {"hui_lang": language, "hui_theme": theme}
        if login:
            cookies["hui_session"] = session_of(hub.settings, login)[0]
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        made.append(context)
        return Watched(context, address)

    yield reader
    for context in made:
        context.close()


@pytest.mark.parametrize(("width", "language", "theme"), LOOKS)
def test_every_page_is_whole(look: Any, hub: Filled, width: int, language: str, theme: str) -> None:
    watched = look(width, language, theme)
    folder = SHOTS / f"{width}-{language}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    faults = {}
    for name, path in PAGES.items():
        page = watched.open(path.format(**hub.batches))
        watched.clean(missing=name == "missing")
        watched.errors.clear()
        found = page.evaluate(BASICS)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"scrolls sideways by {over}")
        if found:
            faults[name] = found
        page.screenshot(path=folder / f"{name}.png", full_page=True)
    assert not faults


@pytest.mark.parametrize("login", OWN_PAGES)
@pytest.mark.parametrize(("width", "language", "theme"), LOOKS[1:3])
def test_every_page_of_a_role_is_whole(look: Any, login: str, width: int, language: str, theme: str) -> None:
    watched = look(width, language, theme, login)
    folder = SHOTS / f"{width}-{language}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    faults = {}
    for name, path in OWN_PAGES[login].items():
        page = watched.open(path)
        watched.clean()
        found = page.evaluate(BASICS)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("scrolls sideways")
        if found:
            faults[name] = found
        page.screenshot(path=folder / f"{name}.png", full_page=True)
    assert not faults


@pytest.mark.parametrize(("width", "language", "theme"), LOOKS[:2] + LOOKS[3:])
def test_matches_appear_while_the_items_of_a_need_are_typed(look: Any, width: int, language: str, theme: str) -> None:
    watched = look(width, language, theme)
    page = watched.open("/agreements/new")
    page.fill("#f-title", "危险源监管")
    page.locator("#f-items").press_sequentially("危险源等级\n主要介质\n")
    expect(page.locator("#matches a[href='/resources/major_hazard']")).to_be_visible()
    page.fill("#f-in_spite_of", "每月一次不够")
    page.locator("#f-items").press_sequentially("评估日期\n")
    expect(page.locator("#matches")).to_contain_text("评估日期")
    expect(page.locator("#f-in_spite_of")).to_have_value("每月一次不够")
    watched.clean()
    faults = page.evaluate(BASICS)
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        faults.append("scrolls sideways")
    assert not faults
    page.screenshot(path=SHOTS / f"{width}-{language}-{theme}-need.png", full_page=True)


def test_what_others_see(look: Any, hub: Filled) -> None:
    for login in ("", "partner", "provider", "analyst"):
        watched = look(login=login)
        folder = SHOTS / f"as-{login or 'unknown'}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("home", "resource", "preview", "batch"):
            watched.open(PAGES[name].format(**hub.batches)).screenshot(path=folder / f"{name}.png", full_page=True)
        watched.errors.clear()  # a refusal is a 403 in the console
        watched.clean()


def test_the_theme_follows_the_system_unless_chosen(look: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert look(theme="auto", color_scheme="dark").open("/").evaluate(ground) == "rgb(17, 21, 27)"
    assert look(theme="auto", color_scheme="light").open("/").evaluate(ground) == "rgb(246, 247, 249)"
    assert look(theme="light", color_scheme="dark").open("/").evaluate(ground) == "rgb(246, 247, 249)"


def test_fonts_are_served_here(look: Any) -> None:
    page = look().open("/resources/major_hazard")
    assert page.evaluate("document.fonts.check('14px Inter') && document.fonts.check('12px \"JetBrains Mono\"')")
    assert page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').length") >= 2


def test_a_filter_swaps_the_list_keeps_the_focus_and_pushes_the_address(look: Any) -> None:
    watched = look()
    page = watched.open("/?q=")
    before = page.locator("[data-announce]").first.inner_text()
    page.evaluate("window.__same = true")
    page.locator("#f-sharing-1").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**/?sharing=1")
    expect(page.locator(".chip")).to_have_count(1)
    assert page.evaluate("window.__same"), "the page was not loaded anew"
    assert page.evaluate("document.activeElement.id") == "f-sharing-1"
    after = page.locator("[data-announce]").first.inner_text()
    assert after != before
    assert page.locator("#announce").inner_text() == after
    page.go_back()
    expect(page.locator(".chip")).to_have_count(0)
    watched.clean()


def test_titles_are_offered_while_one_types_and_what_was_typed_stays_when_none_come(look: Any) -> None:
    watched = look()
    page = watched.open("/")
    page.locator("#q").press_sequentially("危险")
    expect(page.locator("#suggestions option[value='危险化学品重大危险源']")).to_be_attached()
    watched.clean()
    page.context.set_offline(True)
    page.locator("#q").press_sequentially("源")
    page.wait_for_event("requestfailed")
    assert page.url.endswith("/")
    assert page.locator("#q").input_value() == "危险源"


def test_without_a_script_everything_but_copying_works(look: Any, hub: Filled) -> None:
    page = look(java_script_enabled=False).open("/")
    page.locator("#f-sharing-1").check()
    page.get_by_role("button", name="应用筛选").click()
    assert page.locator(".chip").count() == 1
    page.locator("#q").fill("地震")
    page.get_by_role("button", name="搜索").click()
    assert "sharing=1" in page.url
    page.locator(".result h2 a").first.click()
    page.get_by_role("link", name="信息项", exact=False).first.click()
    assert page.locator("table.items tbody tr").count() > 3
    page.get_by_role("link", name="EN", exact=True).first.click()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert not page.locator("[data-copy]").first.is_visible() if page.locator("[data-copy]").count() else True


def test_keys_lead_everywhere(look: Any) -> None:
    watched = look()
    page = watched.open("/batches")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("g")
    assert page.url.endswith("/batches"), "letters typed into a field lead nowhere"
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/acquire")
    page.locator("h1").click()
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open] kbd")
    assert page.url.endswith("/acquire"), "the page stays as it is"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    watched.clean()


def test_single_keys_can_be_switched_off(look: Any) -> None:
    page = look().open("/batches?keys=off")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert page.url.split("?")[0].endswith("/batches")


def test_the_first_stop_of_the_tab_key_leads_to_the_content(look: Any) -> None:
    page = look().open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_escape_closes_a_menu_and_returns_the_focus(look: Any) -> None:
    page = look().open("/")
    page.locator(".theme summary").click()
    assert page.locator(".theme .menu-panel").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".theme .menu-panel").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_arrows_move_within_the_board(look: Any) -> None:
    page = look().open("/collect/CJ-2026-003")
    first = page.locator(".matrix tbody a.cell").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    place = "[document.activeElement.closest('td').cellIndex, document.activeElement.closest('tr').sectionRowIndex]"
    assert page.evaluate(place) == [2, 1]


def test_a_copy_button_copies_and_says_so(look: Any) -> None:
    watched = look(permissions=["clipboard-read", "clipboard-write"])
    page = watched.open("/resources/major_hazard")
    button = page.locator("[data-copy]:visible").last
    button.click()
    expect(page.locator("#announce")).to_have_text("已复制")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -f")
    assert "/api/v1/resources/major_hazard/rows" in copied
    watched.clean()


def test_the_phone_has_its_filters_on_a_page_of_their_own(look: Any) -> None:
    page = look(390).open("/")
    assert not page.locator("#facets").is_visible()
    page.get_by_role("link", name="筛选").click()
    assert page.locator("#facets").is_visible()
    page.locator("label[for=f-sharing-1]").click()
    page.get_by_role("button", name="应用筛选").click()
    page.wait_for_url(re.compile("sharing=1"))
    assert page.locator(".chip").count() == 1


def test_the_phone_menu_leads_to_every_place(look: Any) -> None:
    page = look(390).open("/")
    page.locator("details.menu.phone-only summary").click()
    panel = page.locator("details.menu.phone-only .menu-panel")
    assert panel.get_by_role("link").count() >= 8
    panel.get_by_role("link", name="批次").click()
    page.wait_for_url("**/batches")


def test_paper_shows_neither_navigation_nor_buttons(look: Any, hub: Filled) -> None:
    page = look(794, theme="dark").open(PAGES["batch"].format(**hub.batches))
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    assert not page.locator(".btn").first.is_visible()
    head = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--print-head')")
    assert all(word in head for word in ("/batches/", "李敏", "L3", "仅限授权用途")), head
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize(("name", "wide"), [("receipt", False), ("resource", False), ("board", True), ("batch", True)])
def test_pages_are_printed_on_a4_wide_tables_across(look: Any, hub: Filled, name: str, wide: bool) -> None:
    page = look(login="steward").open(PAGES[name].format(**hub.batches))
    paper = page.pdf(path=SHOTS / f"{name}.pdf", prefer_css_page_size=True)
    boxes = {tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", paper)}
    assert boxes == {(0, 0, 842, 595) if wide else (0, 0, 595, 842)}


def test_reduced_motion_is_respected(look: Any) -> None:
    page = look(reduced_motion="reduce").open("/")
    assert page.evaluate("getComputedStyle(document.querySelector('.btn')).transitionDuration") in ("0s", "")
