"""`hub grant`, `hub revoke`, `hub grants`, `hub profile`: who may use what, and the files partners connect with."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from catalog import access
from catalog.access.grants import Grant, InvalidGrant
from catalog.entries import resources
from catalog.identity.people import Subject
from cli.terminal.identity import acting
from cli.terminal.language import said
from hub import acts, keys, sharing
from hub.keys import IssueKey, profile_text
from hub.sharing import GrantRight, RevokeRight, Right
from warehouse.settings import Settings

Key = Annotated[str, typer.Option("--as", metavar="KEY", help="Act with the rights of this key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COLUMNS = (
    ("编号", "Number"),
    ("资源", "Resource"),
    ("单位", "Organization"),
    ("状态", "State"),
    ("信息项", "Items"),
    ("行", "Rows"),
    ("用途", "Purpose"),
    ("到期", "Until"),
)


def grant(
    resource: Annotated[str, typer.Argument(help="Name of the resource.")],
    organization: Annotated[str, typer.Argument(help="Identifier of the organization.")],
    purpose: Annotated[str, typer.Option(help="What it may be used for.")],
    items: Annotated[str, typer.Option(help="Items, comma-separated; empty: all but L3, L4 and personal ones.")] = "",
    mask: Annotated[
        list[str] | None, typer.Option(help="item=null, item=hash or item=truncate:N; repeatable.", metavar="ITEM=MASK")
    ] = None,
    rows: Annotated[str, typer.Option(help="Row filter: a condition over the items, e.g. \"division LIKE '2308%'\".")] = "",
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD; empty: until revoked.")] = "",
    basis: Annotated[str, typer.Option(help="Agreement or regulation it rests on.")] = "",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Give an organization a right to items and rows of a resource, for a purpose.

    **Example:** `hub grant enterprise hlj-transport --purpose 信用核验 --items credit_code,lon,lat --mask lon=truncate:2`
    """
    request = acts.given(
        GrantRight,
        resource=resource,
        organization=organization,
        purpose=purpose,
        items=[name.strip() for name in items.split(",") if name.strip()],
        masks=dict(_mask(text) for text in mask or []),
        row_filter=rows,
        until=_day(until) if until else None,
        basis=basis,
    )
    given_grant = sharing.grant(*acting(key), request)
    if as_json:
        typer.echo(json.dumps(_told(given_grant), ensure_ascii=False))
    else:
        typer.echo(
            said(
                f"已授权 {given_grant.id[:8]}：{organization} 使用 {resource}",
                f"Granted {given_grant.id[:8]}: {organization} may use {resource}",
            )
        )


def revoke(
    number: Annotated[str, typer.Argument(help="Number of the grant, or its beginning.")],
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    key: Key = "",
) -> None:
    """Take a grant away. The next request is refused, and links already given end."""
    revoked = sharing.revoke(*acting(key), acts.given(RevokeRight, grant=number, reason=reason))
    typer.echo(said(f"已收回 {revoked.id[:8]}", f"Revoked {revoked.id[:8]}"))


def grants(
    resource: Annotated[str, typer.Option(help="Only of this resource.")] = "",
    organization: Annotated[str, typer.Option(help="Only to this organization.")] = "",
    as_json: AsJson = False,
    key: Key = "",
) -> None:
    """List grants, newest first."""
    hub, who = acting(key)
    with hub.session() as session:
        listed = sharing.listed(session, resource, organization)
        shown = [_told(sharing.of(session, one)) for one in listed if _may_see(session, who, one)]
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    _print(shown)


def profile(
    person: Annotated[str, typer.Argument(help="Login of the person whose key it holds.")],
    target: Annotated[Path, typer.Option("--output", "-o", help="File to write; it holds a secret.")] = Path("partner.share"),
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until the key expires.")] = 180,
    key: Key = "",
) -> None:
    """Issue a key and write it as a Delta Sharing profile, readable by you alone. Earlier keys stay good."""
    settings = Settings()
    hub, who = acting(key, settings)
    issued = keys.issue_key(hub, who, acts.given(IssueKey, login=person, label="delta-sharing", days=days))
    assert issued.expires_at is not None  # noqa: S101 - at least a day was asked for
    _write_secret(target, profile_text(settings.public_url, issued.key, issued.expires_at))
    typer.echo(said(f"已写入 {target}（含密钥，请勿转发）", f"Wrote {target}; it holds a key, do not pass it on"))


def readdress(folder: Path, address: str) -> None:
    """Write the hub's present address into the Delta Sharing profiles of a folder: it may be served on another port."""
    for path in folder.glob("*.share"):
        payload = json.loads(path.read_text(encoding="utf-8"))
        endpoint = f"{address.rstrip('/')}/delta-sharing/"
        if payload.get("endpoint") != endpoint:
            _write_secret(path, json.dumps(payload | {"endpoint": endpoint}, indent=2) + "\n")


def _mask(text: str) -> tuple[str, dict[str, Any]]:
    item, _, parts = text.partition("=")
    kind, _, keep = parts.partition(":")
    if kind == "truncate" and keep.lstrip("-").isdigit():
        return item, {"kind": kind, "keep": int(keep)}
    if kind in ("null", "hash") and not keep:
        return item, {"kind": kind}
    raise InvalidGrant(
        f"遮蔽 {text!r} 不可读；应为 item=null、item=hash 或 item=truncate:N。",
        f"The mask {text!r} cannot be read; write item=null, item=hash or item=truncate:N.",
    )


def _day(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise InvalidGrant(f"日期 {day!r} 无效；应如 2026-12-31。", f"The day {day!r} is not one; write 2026-12-31.") from None


def _may_see(session: Session, who: Subject, one: Grant) -> bool:
    entry = session.get_one(resources.Resource, one.resource_id)
    return (who.organization_id != "" and who.organization_id == one.organization_id) or access.may(
        session, who, "manage-grant", entry
    )


def _told(one: Right) -> dict[str, Any]:
    """A grant as JSON, its row filter under the name of the option that gives it."""
    fields = one.model_dump(mode="json", exclude={"revoked_at"})
    return fields | {"rows": fields.pop("row_filter")}


def _print(shown: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from cli.terminal.screen import Screen

    table = Table(show_edge=False, header_style="bold")
    for chinese, english in COLUMNS:
        table.add_column(said(chinese, english))
    for one in shown:
        items = ", ".join(f"{n}({one['masks'][n]['kind']})" if n in one["masks"] else n for n in one["items"])
        until = (one["expires_at"] or "")[:10]
        table.add_row(
            one["id"][:8], one["resource"], one["organization"], one["state"], items, one["rows"], one["purpose"], until
        )
    Screen().print(table)


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)
