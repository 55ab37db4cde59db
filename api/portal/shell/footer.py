"""What the footer says of the installation: whose it is, and whether its audit chain was found whole."""

from __future__ import annotations

from sqlmodel import Session

from api.portal.wording.formats import short_moment
from api.portal.wording.i18n import N_, Language, say
from catalog.audit import sealing
from catalog.identity import organizations

WHOLE = N_("审计链 %(at)s 校验通过")
BROKEN = N_("审计链 %(at)s 校验未通过")


def owner(session: Session) -> tuple[str, str]:
    """Name of the organization that runs the hub, in both languages; empty before one is set."""
    try:
        found = organizations.own(session)
    except organizations.UnknownOrganization:
        return "", ""
    return found.name, found.name_en


def verified(session: Session, language: Language) -> str:
    """The last verification of the audit chain; nothing where it was never verified."""
    known = sealing.last_verification(session)
    if known is None:
        return ""
    whole, at = known
    return say(language, WHOLE if whole else BROKEN, at=short_moment(at))
