"""The frame every page stands in: templates, the reader's choices, places, and the answer with its headers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.portal.components import bars, marks
from api.portal.shell.domain import PLAIN, Domain
from api.portal.shell.preferences import COOKIES, Preferences, preferences
from api.portal.wording import formats, labels
from api.portal.wording.i18n import N_, Language, translations
from catalog.identity.people import ANONYMOUS, Subject
from contracts import clock
from warehouse.settings import Settings

HERE = Path(__file__).resolve().parents[1]
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy of every page: nothing inline, no other host."""


@dataclass(frozen=True, slots=True)
class NavigationPlace:
    """One entry of the navigation, with the letter that follows `g` on the keyboard."""

    name: str
    word: str
    path: str
    letter: str


PLACES = (
    NavigationPlace("catalogue", N_("目录"), "/", "c"),
    NavigationPlace("acquire", N_("获取"), "/acquire", "a"),
    NavigationPlace("batches", N_("批次"), "/batches", "b"),
    NavigationPlace("collect", N_("采集"), "/collect", "l"),
    NavigationPlace("query", N_("分析"), "/query", "q"),
    NavigationPlace("administration", N_("管理"), "/administration", "m"),
    NavigationPlace("audit", N_("审计"), "/audit", "u"),
    NavigationPlace("inbox", N_("待办"), "/inbox", "i"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What the layout knows of this request."""

    request: Request
    settings: Settings
    subject: Subject
    preferences: Preferences
    place: str = ""
    places: tuple[NavigationPlace, ...] = PLACES
    tasks: int = 0
    """How many tasks wait for the reader."""
    tasks_late: int = 0
    """How many of them are late."""
    tasks_followed: int = 0
    """How many another has to do that the reader follows."""
    verified: str = ""
    """One line about the last verification of the audit chain."""
    owner: str = ""
    """Name of the organization that runs this hub."""
    owner_en: str = ""
    domain: Domain = PLAIN
    """What the packs in use give to pages."""

    @property
    def language(self) -> Language:
        """The page's language."""
        return self.preferences.language

    @property
    def known(self) -> bool:
        """Whether somebody is signed in."""
        return self.subject.kind != "anonymous"

    def here(self, **changes: object) -> str:
        """This page's address with other parameters: None drops one, a list repeats one; choices of look are left out."""
        return address(self.request.url.path, self.request.query_params.multi_items(), changes)

    def name_of(self, person: Any) -> str:
        """A person's or organization's name in the page's language."""
        english = str(person.name_en) if self.language == "en" else ""
        return english or str(person.name)


def address(path: str, items: Iterable[tuple[str, str]], changes: Mapping[str, object]) -> str:
    """An address from a path, the parameters it had and what is to change."""
    kept = [(key, value) for key, value in items if key not in COOKIES and key not in changes and value != ""]
    for key, value in changes.items():
        values = value if isinstance(value, list | tuple) else [value]
        kept += [(key, str(one)) for one in values if one not in (None, "")]
    return f"{path}?{urlencode(kept)}" if kept else path


@cache
def stamp(name: str) -> str:
    """A short hash of a static file, so that a new one is fetched at once and an old one never again."""
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else "0"


def asset(name: str) -> str:
    """Address of a static file with its hash."""
    return f"/static/{name}?v={stamp(name)}"


def speakers(language: Language) -> tuple[Callable[..., str], Callable[..., str]]:
    """gettext and ngettext for templates. What they say is plain text, escaped like any other, since data is translated too
    (cycles, roles); Jinja's own ones mark whatever they are given as safe. Values that are markup stay markup.
    """
    known = translations(language)

    def filled(said: str, values: dict[str, object]) -> str:
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(said) % values
        return said % values if values else said

    def one(message: str, **values: object) -> str:
        return filled(known.gettext(message) if message else "", values)

    def many(singular: str, plural: str, number: int, **values: object) -> str:
        return filled(known.ngettext(singular, plural, number), {"num": f"{number:,}", **values})

    return one, many


@cache
def environment(language: Language) -> jinja2.Environment:
    """The templates in one language, everything escaped, undefined names an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_callables(*speakers(language), newstyle=False)  # type: ignore[attr-defined]
    made.globals.update(asset=asset, words=labels, language=language, now=lambda: clock.local(clock.now()), today=clock.today)
    made.globals.update(
        icon_mark=marks.icon_of(asset("vendor/icons.svg")), said_mark=marks.said_in(language), lang_mark=marks.lang_of(language)
    )
    made.globals["either"] = lambda zh, en: (en or zh) if language == "en" else (zh or en)
    made.globals["magnitude"] = lambda value: formats.magnitude(value, language)
    made.filters["bold"] = Markup("<b>{}</b>").format
    made.filters.update(
        number=formats.number,
        score=formats.score,
        size=formats.size,
        day=formats.full_date,
        short_day=formats.short_date,
        moment=formats.moment,
        short_moment=formats.short_moment,
        seconds=formats.seconds,
        marked=formats.marked,
        spans=formats.spans,
        slashes=formats.slashes,
    )
    made.globals["share"] = formats.share
    made.filters["short_period"] = lambda period: formats.short_period(period, language)
    made.filters["long_period"] = lambda period: formats.long_period(period, language)
    made.globals["parts_of"] = bars.of_batch
    made.tests["han"] = formats.han
    return made


def page_of(request: Request, settings: Settings, subject: Subject | None = None, place: str = "", **more: Any) -> Page:
    """The page's frame for a request."""
    return Page(request, settings, subject or ANONYMOUS, preferences(request), place, **more)


def render(page: Page, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    """A page as HTML with its headers; what the reader just chose is remembered."""
    context = {"page": page, "settings": page.settings, "status": status, **context}
    text = environment(page.language).get_template(template).render(context)
    response = HTMLResponse(text, status_code=status)
    response.headers["Content-Language"] = "zh-CN" if page.language == "zh" else "en"
    page.preferences.remember(response, secure=page.request.url.scheme == "https")
    return secured(response)


def secured(response: Any) -> Any:
    """The headers that every page carries."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers.append("Vary", "Cookie, Accept-Language, HX-Request")
    return response
