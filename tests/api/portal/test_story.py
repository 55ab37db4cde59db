"""One day without a shell: in a fresh home a steward, a provider, a partner and an auditor work in Chromium, by clicks alone.

Every page is written to tests/screenshots/ in both languages, to be looked at.
"""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import uvicorn
from playwright.sync_api import expect

from api.app import create_app
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.store import database
from cli.init import prepare
from hub.hub import open_hub
from tests.api.portal.catalogue.messy import workbook
from tests.api.portal.conftest import SHOTS
from tests.clients.conftest import client_python  # noqa: F401 - a fixture
from tests.orchestration.conftest import turn
from warehouse.settings import Settings
from warehouse.storage.connection import forget

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 60_000
"""Milliseconds that a page may take on a busy machine: loading and rebuilding are jobs of processes of their own."""
PASSWORD = "a long enough password 4711"
PEOPLE = {
    "limin": ("own", "steward", "李敏", "Li Min"),
    "weiguoan": ("own", "steward", "魏国安", "Wei Guoan"),
    "zhanglei": ("civil", "provider", "张磊", "Zhang Lei"),
    "wangqiang": ("water", "partner", "王强", "Wang Qiang"),
    "zhaoyun": ("own", "auditor", "赵云", "Zhao Yun"),
}
PULL = """
import json, sys, delta_sharing
frame = delta_sharing.load_as_pandas(sys.argv[1] + "#civil.resource.shelter")
print(json.dumps({"columns": list(frame.columns), "rows": len(frame), "people": int(frame["people"].sum())}))
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Settings]:
    """What `hub init` makes, with its people, and nothing in it; and the address that it will be served at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=tmp_path / "var", public_url=f"http://127.0.0.1:{port}", _env_file=None)  # type: ignore[call-arg]
    (tmp_path / "none").mkdir()
    prepare(settings, divisions=tmp_path / "none")
    with database.session(settings.catalog_database) as session:
        organizations.add(session, Organization(id="civil", name="省民政厅", name_en="Civil Affairs", kind="department"))
        organizations.add(session, Organization(id="water", name="省水利厅", name_en="Water Resources", kind="department"))
        for login, (body, role, name, name_en) in PEOPLE.items():
            person = people.add_person(session, login, name, body, [role], name_en=name_en)
            people.set_password(session, person, PASSWORD)
    yield settings
    forget(settings)


@pytest.fixture
def served(fresh: Settings) -> Iterator[str]:
    """A real server over the fresh home."""
    port = int(fresh.public_url.rpartition(":")[2])
    server = uvicorn.Server(uvicorn.Config(create_app(fresh), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield fresh.public_url
    server.should_exit = True
    thread.join(10)


class Browser:
    """One person's browser: what they see is kept as pictures, in the order of the day."""

    def __init__(self, chromium: Any, address: str, language: str, shots: Iterator[int]) -> None:
        self.context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        self.context.add_cookies([{"name": "hui_lang", "value": language, "url": address}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.address, self.language, self.shots = address, language, shots

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=SHOTS / f"story-{self.language}-{next(self.shots):02}-{name}.png", full_page=True)

    def sign_in(self, login: str) -> None:
        self.open("/sign-in")
        self.page.fill("#f-login", login)
        self.page.fill("#f-password", PASSWORD)
        self.page.click(".sign-in form:has(#f-password) button")
        expect(self.page.locator("header").first).to_contain_text(
            PEOPLE[login][2 if self.language == "zh" else 3], timeout=PATIENCE
        )

    def click(self, selector: str) -> None:
        self.page.click(selector)

    def submit(self) -> None:
        """The form's own button, the one that stands out."""
        primary = self.page.locator("main form button.primary")
        (primary if primary.count() else self.page.locator("main form button.danger")).first.click()


def refused(month: int) -> bytes:
    """The next workbook of the same kind, of which three rows are at fault: a negative number, a word, no name."""
    book = openpyxl.load_workbook(io.BytesIO(workbook()))
    sheet = book["2026年"]
    sheet["D6"], sheet["D9"], sheet["B12"] = -month, "约二百", ""
    sheet.delete_rows(45)  # the sum: it would be wrong now, too
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_day_without_a_shell(
    fresh: Settings,
    served: str,
    chromium: Any,
    language: str,
    client_python: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    shots = iter(range(1, 100))

    def browser(login: str) -> Browser:
        made = Browser(chromium, served, language, shots)
        made.sign_in(login)
        return made

    steward = browser("limin")
    steward.shot("home")
    onboard(steward)
    edit_contract(steward)
    publish_entry(steward)
    number = enter_need(steward)
    consent_and_send(steward, browser("weiguoan"), number)
    stranger = Browser(chromium, served, language, shots)
    ask_and_answer(stranger, link_of(steward, number), steward, number)
    provider = browser("zhanglei")
    provider.open(f"/agreements/{number}")
    provider.shot("need-at-its-provider")
    sign(provider, number)
    steward.open(f"/agreements/{number}/sign")
    steward.submit()
    steward.open(f"/agreements/{number}")
    steward.shot("agreement-signed")
    (fresh.root / "inbox" / "shelter" / "2026-04.xlsx").write_bytes(refused(4))
    steward.click("#channels form button")
    expect(steward.page.locator("#channels")).to_contain_text("2026-04.xlsx", timeout=PATIENCE)
    steward.shot("channel-tested")
    assert not turn(open_hub(fresh), "shelter").failed
    batch = see_delivery(steward)
    correct(steward, batch)
    publish_version(steward)
    grant(steward)
    partner = browser("wangqiang")
    profile = take_profile(partner, tmp_path)
    pulled = subprocess.run([client_python, "-c", PULL, profile], capture_output=True, text=True, timeout=120, check=False)
    assert pulled.returncode == 0, pulled.stderr
    answer = json.loads(pulled.stdout.splitlines()[-1])
    assert answer["rows"] == 40
    assert "people" in answer["columns"]
    auditor = browser("zhaoyun")
    find_it_all(auditor)


def onboard(steward: Browser) -> None:
    """A messy workbook is uploaded, its questions are answered, its draft edited and loaded."""
    page = steward.page
    steward.click("a[href='/onboard']")
    file = {"name": "避难场所.xlsx", "mimeType": "application/octet-stream", "buffer": workbook()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]
    steward.click(".form-page button.primary")
    page.check("input[value='2026年']")
    steward.shot("question-sheet")
    steward.submit()
    page.check("input[value='启用日期=mdy']")
    steward.shot("question-dates")
    steward.submit()
    page.fill("#dataset", "shelter")
    page.fill("#title", "应急避难场所")
    page.fill("#title_en", "Emergency shelters")
    page.select_option("#owner", "civil")
    for place, name in ((1, "name"), (2, "district"), (3, "people"), (4, "area"), (5, "opened"), (6, "phone")):
        page.fill(f"#name-{place}", name)
    page.check("[name='key-1']")
    steward.shot("draft")
    steward.click("button.primary")
    expect(page.locator(".equation")).to_contain_text("40", timeout=PATIENCE)
    steward.shot("onboarded")


def edit_contract(steward: Browser) -> None:
    """A rule is written into the contract; it breaks, so it is put in force for a reason, and the table is rebuilt."""
    page = steward.page
    steward.open("/resources/shelter/contract")
    steward.shot("contract")
    steward.open("/resources/shelter/contract/edit")
    text = page.input_value("#text")
    rule = re.sub(r"(?m)^( +)(- name: people\n(?:\1 .*\n)*)", r"\1\2\1  logicalTypeOptions: {minimum: 0}\n", text)
    assert rule != text
    page.fill("#text", re.sub(r"(?m)^version: .*$", "version: 2.0.0", rule))
    steward.submit()
    page.wait_for_url(re.compile("compare|contract$"))
    steward.shot("contract-compared")
    steward.open("/resources/shelter/contract/2.0.0/activate")
    if page.locator("input[name='breaking']").count():
        page.check("input[name='breaking']")
    page.fill("#reason", "人数不得为负")
    steward.shot("contract-activate")
    steward.submit()
    page.wait_for_url(re.compile("/resources/shelter/contract$"))
    expect(page.locator("main")).to_contain_text("2.0.0", timeout=PATIENCE)
    steward.shot("contract-in-force")


def publish_entry(steward: Browser) -> None:
    """What the entry lacks is written, and it is published."""
    page = steward.page
    steward.open("/resources/shelter/publish")
    steward.shot("entry-lacks")
    steward.click("a.btn.primary")
    page.fill("#class_code", "205001")
    page.fill("#abstract", "全市应急避难场所的位置、容量和联系电话")
    page.check("input[value='工作参考']")
    page.fill("#sharing_condition", "经提供方同意")
    steward.shot("entry-edited")
    steward.submit()
    steward.open("/resources/shelter/publish")
    steward.submit()
    page.wait_for_url(re.compile("/resources/shelter$"))
    steward.shot("entry-published")


def enter_need(steward: Browser) -> str:
    """A need for the next deliveries, with the folder that they are laid into; its number."""
    page = steward.page
    steward.open("/acquire")
    steward.shot("register-empty")
    steward.open("/agreements/new?route=request")
    page.fill("#f-title", "应急避难场所月度更新")
    page.fill("#f-title_en", "Monthly update of emergency shelters")
    page.fill("#f-purpose", "应急疏散预案")
    page.fill("#f-dataset", "shelter")
    page.select_option("#f-provider", "civil")
    page.select_option("#f-kind", "folder")
    page.fill("#f-folder-path", "inbox/shelter")
    page.click("button[name='do'][value='test']")
    steward.shot("need-channel-tested")
    steward.submit()
    page.wait_for_url(re.compile("/agreements/YQ-"))
    steward.shot("need-entered")
    return str(page.url).rpartition("/")[2]


def consent_and_send(steward: Browser, head: Browser, number: str) -> None:
    """The head of the sharing office consents; the steward sends the request."""
    head.open(f"/agreements/{number}")
    head.shot("need-waits-for-consent")
    head.click(f"a[href='/agreements/{number}/consent']")
    head.page.fill("#f-head", "魏国安")
    head.shot("consent")
    head.submit()
    head.page.wait_for_url(re.compile(f"/agreements/{number}$"))
    steward.open(f"/agreements/{number}/send")
    steward.shot("send")
    steward.submit()
    steward.page.wait_for_url(re.compile(f"/agreements/{number}$"))


def link_of(steward: Browser, number: str) -> str:
    """The link that goes with the letter."""
    steward.open(f"/agreements/{number}/link")
    steward.submit()
    shown = steward.page.locator(".code pre")
    expect(shown).to_contain_text("/letters/", timeout=PATIENCE)
    steward.shot("link-made")
    return "/letters/" + str(shown.inner_text()).strip().rpartition("/letters/")[2]


def ask_and_answer(stranger: Browser, link: str, steward: Browser, number: str) -> None:
    """The body that was asked has no account: it asks to complete once, and answers in part, through the link alone."""
    page = stranger.page
    stranger.open(link)
    stranger.shot("letter")
    page.fill("#f-missing", "请补充：1. 使用科室；2. 留存期限。")
    page.click("button[value='ask']")
    expect(page.locator("#ask")).to_have_count(0, timeout=PATIENCE)
    stranger.shot("letter-asked")
    steward.open(f"/agreements/{number}/complete")
    steward.page.fill("#f-text", "减灾处；留存一年。")
    steward.submit()
    steward.page.wait_for_url(re.compile(f"/agreements/{number}$"))
    stranger.open(link)
    page.check("#f-part")
    page.fill("#f-without", "负责人电话")
    page.fill("#f-text", "联系电话属个人信息，不提供")
    page.fill("#f-head", "马建国")
    page.fill("#f-document", "民函〔2026〕17号")
    stranger.shot("letter-answer")
    page.click("button[value='answer']")
    expect(page.locator("form")).to_have_count(page.locator("header form").count(), timeout=PATIENCE)
    stranger.shot("letter-answered")
    stranger.open(link)
    stranger.shot("letter-over")
    steward.open(f"/agreements/{number}")
    steward.shot("need-answered")


def sign(provider: Browser, number: str) -> None:
    """The body that was asked signs for its side."""
    provider.open("/inbox")
    provider.shot("provider-inbox")
    provider.open(f"/agreements/{number}/sign")
    provider.submit()
    provider.page.wait_for_url(re.compile(f"/agreements/{number}$"))
    provider.shot("provider-signed")


def see_delivery(steward: Browser) -> str:
    """What arrived stands among the batches, with what was refused of it; its number."""
    page = steward.page
    steward.open("/batches")
    steward.shot("batches")
    steward.click("main a:has-text('2026')")
    expect(page.locator(".equation")).to_contain_text("37", timeout=PATIENCE)
    steward.shot("batch-partial")
    return str(page.url).rpartition("/")[2].partition("?")[0]


def correct(steward: Browser, batch: str) -> None:
    """Two of three refused rows are corrected in the page; one is wrong at first; then the third."""
    page = steward.page
    steward.click(f"a[href='/batches/{batch}/rows']")
    fields = page.locator("input[data-grid]")
    expect(fields.first).to_be_visible(timeout=PATIENCE)
    steward.shot("rows-refused")
    page.locator("input[data-grid][value='-4']").fill("102")
    page.locator("input[data-grid][value='约二百']").fill("二百")
    steward.click("button[value='send']")
    steward.shot("rows-still-refused")
    page.locator("input[data-grid][value='二百']").fill("200")
    page.locator("input[data-grid][value='']").first.fill("双城区第8避难场所")
    steward.click("button[value='check']")
    steward.shot("rows-checked")
    steward.click("button[value='send']")
    expect(page.locator(".equation")).to_be_visible(timeout=PATIENCE)
    steward.shot("correction-loaded")
    steward.open(f"/batches/{batch}")
    expect(page.locator("main")).not_to_contain_text("/rows", timeout=PATIENCE)
    steward.shot("batch-corrected")


def publish_version(steward: Browser) -> None:
    """The first version."""
    page = steward.page
    steward.open("/resources/shelter/versions/publish")
    page.fill("#note", "首次发布")
    steward.shot("version-asked")
    steward.submit()
    page.wait_for_url(re.compile("/resources/shelter/versions"))
    steward.shot("version-published")


def grant(steward: Browser) -> None:
    """A right for the partner's body."""
    page = steward.page
    steward.open("/resources/shelter/grants")
    page.select_option("#organization", "water")
    page.fill("#purpose", "工作参考")
    for item in ("name", "district", "people"):
        page.check(f"input[name='items'][value='{item}']")
    steward.shot("grant-asked")
    steward.submit()
    expect(page.locator("main .badge.ok")).to_be_visible(timeout=PATIENCE)
    steward.shot("granted")


def take_profile(partner: Browser, folder: Path) -> Path:
    """The partner finds the resource, and makes a profile file on the account's page."""
    page = partner.page
    partner.open("/?q=避难场所")
    partner.shot("partner-search")
    partner.open("/resources/shelter")
    partner.shot("partner-resource")
    partner.open("/account")
    page.fill("#f-label", "月报程序")
    page.fill("form[action='/account/keys'] #f-password", PASSWORD)
    partner.shot("partner-account")
    with page.expect_download() as download:
        page.click("button[value='profile']")
    target = folder / "hui.share"
    download.value.save_as(target)
    return target


def find_it_all(auditor: Browser) -> None:
    """Everything that was done stands in the audit, each with who did it."""
    done = {
        "onboard": "limin",
        "contract.activate": "limin",
        "entry.publish": "limin",
        "need.enter": "limin",
        "need.consent": "weiguoan",
        "need.answer": "link:",
        "agreement.sign": "zhanglei",
        "channel.test": "limin",
        "check-rows": "limin",
        "correct-rows": "limin",
        "release": "limin",
        "grant": "limin",
        "own.key": "wangqiang",
    }
    auditor.open("/audit")
    auditor.shot("audit")
    for action, login in done.items():
        auditor.open(f"/audit?action={action}&outcome=done")
        expect(auditor.page.locator("main table")).to_contain_text(login, timeout=PATIENCE)
    auditor.open("/audit?action=download&object=shelter")
    expect(auditor.page.locator("main table")).to_contain_text("key:", timeout=PATIENCE)  # by the partner's own key
    auditor.shot("audit-download")
