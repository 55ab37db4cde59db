"""Who sent a workbook: whoever handed it in. What it says of itself counts where nobody did, and this hub signed it."""

from __future__ import annotations

import hashlib
import hmac

from contracts.errors import HubError
from contracts.excel.marks import TemplateMark
from warehouse.settings import Settings
from warehouse.storage.installation_key import secret


class OtherSender(HubError):
    """A workbook that names another agency than the one that handed it in."""

    def __init__(self, claimed: str, uploader: str) -> None:
        super().__init__(
            f"模板标记的填报机构是 {claimed}，送交者却是 {uploader}，未收取；请用本机构的模板填报，或由 {claimed} 自行送交。",
            f"The template was made for {claimed}, and {uploader} handed it in; nothing was taken. Fill in your own "
            f"template, or have {claimed} hand it in.",
        )


class UnsignedMark(HubError):
    """A workbook in a common mailbox whose mark this hub did not sign."""

    def __init__(self, claimed: str) -> None:
        super().__init__(
            f"自称由 {claimed or '（未注明）'} 填报，但模板标记没有本平台的签名或已被改动，未收取；"
            "请从平台重新下载模板填报，或放入机构自己的收件夹。",
            f"It says it is from {claimed or '(nobody)'}, and its mark was not signed by this hub, or was altered; nothing was "
            "taken. Download the template anew from the hub, or put it into the agency's own folder of the mailbox.",
        )


def sender(settings: Settings, mark: TemplateMark, uploader: str = "") -> str:
    """The organization that sent a workbook; `uploader` is known by its own mailbox or by having signed in, or ""."""
    if uploader:
        if mark.agency not in ("", uploader):
            raise OtherSender(mark.agency, uploader)
        return uploader
    if not mark.agency or not genuine(settings, mark):
        raise UnsignedMark(mark.agency)
    return mark.agency


def sign(settings: Settings, mark: TemplateMark) -> str:
    """A signature that ties a template to its dataset, agency and period (HMAC-SHA-256)."""
    message = "\0".join(("template", mark.dataset, mark.agency, mark.period))
    return hmac.new(secret(str(settings.root)), message.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def genuine(settings: Settings, mark: TemplateMark) -> bool:
    """Whether this hub made the mark."""
    return hmac.compare_digest(sign(settings, mark).encode(), mark.signature.encode("utf-8", "replace"))
