"""What a reader chose for the pages: language, theme, density, single keys. By parameter once, by cookie then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from api.portal.wording.i18n import Language, accepted, chosen

YEAR = 365 * 24 * 3600
COOKIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lang": ("hui_lang", ("zh", "en")),
    "theme": ("hui_theme", ("auto", "light", "dark")),
    "density": ("hui_density", ("compact", "roomy")),
    "keys": ("hui_keys", ("on", "off")),
}
"""Query parameter: its cookie, and the values it may have. The first is the default."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one reader wants pages, and which of it has to be remembered."""

    language: Language = "zh"
    theme: str = "auto"
    density: str = "compact"
    keys: str = "on"
    changed: Mapping[str, str] = field(default_factory=dict)
    """Cookies to set with the answer."""

    def remember(self, response: Response, *, secure: bool) -> None:
        """Set the cookies of what was just chosen."""
        for name, value in self.changed.items():
            response.set_cookie(name, value, max_age=YEAR, samesite="lax", secure=secure, httponly=True)


def preferences(request: Request) -> Preferences:
    """The reader's choices: this request's parameters first, then cookies, then the browser's language."""
    asked = {key: request.query_params.get(key) for key in COOKIES}
    kept = {key: request.cookies.get(cookie) for key, (cookie, _) in COOKIES.items()}
    changed = {COOKIES[key][0]: value for key, value in asked.items() if value in COOKIES[key][1]}

    def choose(key: str) -> str:
        allowed = COOKIES[key][1]
        return next((str(v) for v in (asked[key], kept[key]) if v in allowed), allowed[0])

    language = chosen(asked["lang"]) or chosen(kept["lang"]) or accepted(request.headers.get("accept-language"))
    return Preferences(language, choose("theme"), choose("density"), choose("keys"), changed)
