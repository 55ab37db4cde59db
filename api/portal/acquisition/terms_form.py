"""The fields of a need and of an agreement's change, from a form to what the acts take and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.portal.shell.forms import Form
from api.portal.wording.i18n import N_
from catalog.acquisition.agreements import Agreement
from catalog.entries.resources import CYCLES

COMMON = ("title", "title_en", "purpose", "cycle", "coordinating_body", "legal_basis")
PURCHASE = ("contract_number", "price_per_record", "ceiling", "why_bought", "fills_dataset")
COLLECTION = ("template_version", "period", "due_day", "due_months")
LISTS = ("permitted_purposes", "fills_items")
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "database": ("url", "table", "query", "mode", "cursor_column", "key_columns", "overlap", "password_env"),
    "folder": ("path", "pattern"),
    "http": (
        "url",
        "records",
        "next",
        "link",
        "offset",
        "total",
        "page",
        "since",
        "since_item",
        "token_env",
        "user",
        "password_env",
        "oauth_url",
        "oauth_scope",
    ),
    "mqtt": ("url", "topics", "payload", "csv_columns", "records", "received_column", "client_id", "version", "password_env"),
    "s3": ("endpoint", "allow_http", "bucket", "prefix", "region", "path_style", "user", "password_env", "pattern"),
    "sftp": ("host", "port", "fingerprint", "user", "password_env", "key_file", "folder", "pattern"),
    "template": ("path", "outbox"),
    "webdav": ("url", "user", "password_env", "token_env", "pattern"),
}
"""Settings of a channel that the form offers; others are given by the API or the command."""
KINDS: Mapping[str, str] = {
    "folder": N_("监视目录"),
    "http": N_("接口"),
    "database": N_("数据库"),
    "mqtt": N_("MQTT 消息"),
    "sftp": N_("SFTP 文件夹"),
    "s3": N_("S3 对象存储"),
    "webdav": N_("HTTP 文件或 WebDAV 文件夹"),
    "template": N_("报送模板"),
}
MODES: Mapping[str, str] = {
    "full": N_("全量：有变化时取全部"),
    "changes": N_("变化：比对全部，取新增和改动的行"),
    "cursor": N_("游标：按一列取新的行，定期比对"),
}
PAYLOADS: Mapping[str, str] = {
    "json": N_("JSON：一个对象，或对象的列表"),
    "csv": N_("CSV：一行或多行，无表头"),
    "senml": N_("SenML（RFC 8428）"),
    "value": N_("单值：整个内容是一个值，列名为 value"),
}
VERSIONS: Mapping[str, str] = {"5": "MQTT 5", "3.1.1": "MQTT 3.1.1"}
PERIODS: Mapping[str, str] = {"month": N_("按月"), "quarter": N_("按季"), "year": N_("按年")}
REQUESTED = ("folder", "http", "database", "mqtt", "sftp", "s3", "webdav")
ROUTE_KINDS: Mapping[str, tuple[str, ...]] = {
    "request": REQUESTED,
    "buy": REQUESTED,
    "collect": ("template",),
}
CYCLE_CHOICES = CYCLES


def common(form: Form) -> dict[str, Any]:
    """The common part, as it was typed in."""
    return {name: form.text(name).strip() for name in COMMON}


def items(form: Form) -> list[dict[str, str]]:
    """Wanted items, one a line: 名称 | 格式 | 代码表."""
    lines = (line.replace("｜", "|").split("|") for line in form.text("items").splitlines() if line.strip())
    return [dict(zip(("name", "format", "code_list"), (part.strip() for part in line), strict=False)) for line in lines]


def terms(form: Form, route: str) -> dict[str, Any]:
    """The terms of the route, under their name."""
    if route == "buy":
        values: dict[str, Any] = {name: form.text(name).strip() for name in PURCHASE if form.text(name).strip()}
        lists = {name: [one.strip() for one in form.text(name).splitlines() if one.strip()] for name in LISTS}
        return {"purchase": values | lists | {"redistribution": form.text("redistribution") == "1"}}
    if route == "collect":
        return {
            "collection": {name: form.text(name).strip() for name in COLLECTION if form.text(name).strip()},
            "agencies": form.all("agencies"),
        }
    return {}


def answer(form: Form) -> dict[str, Any]:
    """The asked body's answer, from its form."""
    without = [one.strip() for one in form.text("without").splitlines() if one.strip()]
    return {**form.values("answer", "text", "head", "document"), "without": without}


def channels(form: Form, before: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The channel of the form, where one was chosen; of those that are there, what the form does not show stays."""
    kind = form.text("kind")
    if not kind:
        return []
    shown = SETTINGS.get(kind, ())
    first = before[0] if before and before[0].get("kind") == kind else {}
    unseen = {name: value for name, value in first.items() if name not in shown}
    settings = {name: form.text(f"{kind}-{name}").strip() for name in shown}
    given = {"kind": kind, **unseen, **{name: value for name, value in settings.items() if value}}
    return [given, *(dict(one) for one in before[1:])]


def filled(agreement: Agreement, agencies: list[str]) -> Form:
    """The form as the agreement is now."""
    fields: dict[str, tuple[str, ...]] = {name: (str(getattr(agreement, name)),) for name in COMMON}
    for held, names in ((agreement.purchase, PURCHASE), (agreement.collection, COLLECTION)):
        if held is not None:
            fields |= {name: (str(getattr(held, name)),) for name in names if getattr(held, name) is not None}
    if agreement.purchase is not None:
        fields |= {name: ("\n".join(getattr(agreement.purchase, name)),) for name in LISTS}
        fields["redistribution"] = ("1",) if agreement.purchase.redistribution else ()
    channel = agreement.channel
    fields["kind"] = (str(channel.get("kind", "")),)
    fields |= {f"{channel['kind']}-{name}": (_typed(value),) for name, value in channel.items() if name != "kind"}
    if agreement.valid_until:
        fields["valid_until"] = (agreement.valid_until.isoformat(),)
    return Form(fields | {"agencies": tuple(agencies)})


def _typed(value: object) -> str:
    """A setting as somebody types it in; a list as its parts with commas, a truth in small letters."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
