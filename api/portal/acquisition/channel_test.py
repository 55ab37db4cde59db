"""测试通道: what a channel would bring, looked at from an agreement's page or while its settings are being typed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.portal.acquisition import terms_form
from api.portal.shell.forms import Form
from api.portal.wording.i18n import N_
from catalog.access import Refused
from catalog.identity.people import Subject
from contracts.errors import HubError
from hub import channels
from hub.acts import given
from hub.channels import ChannelSeen, TestChannel
from hub.hub import Hub

ROWS = 5
WORDS = {
    "name": N_("文件"),
    "bytes": N_("字节"),
    "passed_over": N_("不收取的原因"),
    "passed_over_en": N_("不收取的原因"),
}
"""What a listing of files says; columns of rows have their own names."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a test showed: columns and first rows, or why nothing could be seen: the settings may be wrong."""

    seen: ChannelSeen | None
    wrong: HubError | None = None

    def columns(self, language: str) -> dict[str, str]:
        """Every name that some row has, in the order of their coming, with the word for it; a reason in the page's language."""
        hidden = "passed_over_en" if language == "zh" else "passed_over"
        names = [name for row in self.seen.entries for name in row] if self.seen else []
        return {name: WORDS.get(name, name) for name in dict.fromkeys(names) if name != hidden}


def of_agreement(hub: Hub, subject: Subject, agreement: str, number: str) -> Look:
    """Look by a channel that an agreement has."""
    which = int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else 1
    return _look(hub, subject, {"agreement": agreement, "number": which})


def of_form(hub: Hub, subject: Subject, form: Form, route: str, agreement: str = "") -> Look:
    """Look by the settings that stand in a form."""
    typed = terms_form.channels(form)
    if not typed:
        return Look(None, HubError("请先选择通道并填写设置。", "Choose a channel and give its settings first."))
    settings = {name: value for name, value in typed[0].items() if name != "kind"}
    return _look(hub, subject, {"agreement": agreement, "route": route, "kind": typed[0]["kind"], "settings": settings})


def _look(hub: Hub, subject: Subject, request: Mapping[str, Any]) -> Look:
    try:
        return Look(channels.look(hub, subject, given(TestChannel, limit=ROWS, **request)))
    except Refused:
        raise
    except HubError as wrong:
        return Look(None, wrong)
