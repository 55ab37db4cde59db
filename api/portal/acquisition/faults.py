"""What is wrong with a form about a need or an agreement, at the field where it is: in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ErrorDetails

from catalog.acquisition.negotiation import WrongTerm
from catalog.identity.organizations import UnknownOrganization
from catalog.identity.people import UnknownPerson
from contracts.errors import HubError
from hub.acts import InvalidInput
from hub.needs import AlreadyThere

Faults = dict[str, tuple[str, str]]
WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("必填", "is required"),
    "string_too_short": ("必填", "is required"),
    "string_too_long": ("最多 {max_length} 个字", "at most {max_length} characters"),
    "string_pattern_mismatch": ("不能这样写，见上面的说明", "cannot be written so; see the hint above"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不得小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "must be at most {le}"),
    "decimal_parsing": ("应为数字", "must be a number"),
    "decimal_max_places": ("最多 {decimal_places} 位小数", "at most {decimal_places} decimal places"),
    "decimal_max_digits": ("数字过长", "too many digits"),
    "decimal_whole_digits": ("数字过大", "too large"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "date_from_datetime_parsing": ("应为日期，如 2027-12-31", "must be a day, like 2027-12-31"),
    "date_parsing": ("应为日期，如 2027-12-31", "must be a day, like 2027-12-31"),
    "literal_error": ("请选择其中一项", "choose one of them"),
    "too_long": ("过多", "too many"),
    "price_without_ceiling": ("有单价时须有费用上限", "a price needs a ceiling"),
    "other_route": ("这些条款属于另一种途径", "these terms belong to another route"),
}
PLACES: Mapping[str, str] = {"price_without_ceiling": "ceiling", "other_route": "route"}
"""Where a fault of several fields together is shown."""


def of(error: HubError | None) -> Faults:
    """Faults by field; under "" what belongs to none."""
    if error is None:
        return {}
    if isinstance(error, InvalidInput):
        return dict(_fault(one) for one in error.error.errors())
    words = (error.message, error.message_en)
    if isinstance(error, WrongTerm):
        return {error.field: words}
    if isinstance(error, AlreadyThere):
        return {"in_spite_of": words}
    if isinstance(error, UnknownOrganization | UnknownPerson):
        return {"provider" if isinstance(error, UnknownOrganization) else "steward": words}
    known: Mapping[str, tuple[str, str]] = getattr(error, "faults", {})  # of a channel's settings
    return dict(known) or {"": words}


def _fault(one: ErrorDetails) -> tuple[str, tuple[str, str]]:
    names = [str(part) for part in one["loc"] if isinstance(part, str)]
    zh, en = WORDS.get(one["type"], (one["msg"],) * 2)
    context = one.get("ctx", {})
    if names[:1] == ["items"]:
        return "items", (zh.format(**context), en.format(**context))
    return PLACES.get(one["type"]) or (names[-1] if names else ""), (zh.format(**context), en.format(**context))
