"""`hub people`: people, roles, keys, passwords and open sessions."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.table import Table
from sqlmodel import Session

from catalog import access
from catalog.identity import people, signins
from catalog.identity.people import Subject
from catalog.store import database
from cli.terminal.identity import acting, subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.clock import local
from hub import acts, keys
from hub import people as acting_on
from hub.keys import EndSession, IssueKey, RevokeKey
from hub.people import AddPerson, ChangePerson, ClosePerson, ReopenPerson, SetPassword
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="People, their roles, keys, passwords and sessions.")
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_people(as_json: JSON = False) -> None:
    """Everybody with roles and living keys."""
    with database.session(Settings().catalog_database) as session:
        access.require(session, subject(session), "administer", None)
        listed = [one.model_dump(mode="json") for one in acting_on.person_states(session, people.listed(session))]
    if as_json:
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    table = Table(
        *(
            said(*pair)
            for pair in (("登录名", "login"), ("姓名", "name"), ("机构", "organization"), ("角色", "roles"), ("密钥", "keys"))
        )
    )
    for one in listed:
        living = ", ".join(key["prefix"] for key in one["keys"] if key["state"] == "live") or "—"
        table.add_row(one["login"], one["name"], one["organization"], ", ".join(one["roles"]), living)
    Screen().print(table)


@app.command()
def add(
    login: str,
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    name_en: Annotated[str, typer.Option(help="Name in Latin letters.")] = "",
    organization: Annotated[str, typer.Option(help="Organization; default the one that runs the hub.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="steward, provider, partner, analyst, auditor, administrator.")] = None,
    as_json: JSON = False,
) -> None:
    """Register a person; give them a key or a password next."""
    roles = role or []
    request = acts.given(AddPerson, login=login, name=name, name_en=name_en, organization=organization, roles=roles)
    added = acting_on.add(*acting(), request)
    _say(added, as_json, f"已登记 {login}（{added.organization}）", f"{login} is registered ({added.organization})")


@app.command()
def key(
    login: str,
    label: Annotated[str, typer.Option(help="What the key is for.")] = "",
    days: Annotated[int, typer.Option(help="Days until it expires; 0: never.", min=0)] = 365,
    as_json: JSON = False,
) -> None:
    """Issue a key; it is shown this once."""
    issued = keys.issue_key(*acting(), acts.given(IssueKey, login=login, label=label, days=days))
    shown = issued.key
    _say(issued, as_json, f"{login} 的密钥（只显示这一次）：{shown}", f"Key of {login} (shown this once): {shown}")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key, or its part between hui_ and the next _.")]) -> None:
    """Take a key back; from the next request on it opens nothing."""
    revoked = keys.revoke_key(*acting(), acts.given(RevokeKey, prefix=prefix.removeprefix("hui_").split("_")[0]))
    typer.echo(said(f"密钥 {revoked.prefix} 已收回", f"Key {revoked.prefix} is revoked"))


@app.command()
def password(login: str, stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input.")] = False) -> None:
    """Give a person a password for the portal; their open sessions end."""
    text = sys.stdin.readline().rstrip("\n") if stdin else typer.prompt(said("新密码", "New password"), hide_input=True)
    acting_on.set_password(*acting(), acts.given(SetPassword, login=login, password=text))
    typer.echo(said(f"{login} 的密码已更新", f"The password of {login} is set"))


@app.command()
def close(login: str) -> None:
    """Close a person's access: keys and sessions stop at once, the record stays."""
    acting_on.close(*acting(), acts.given(ClosePerson, login=login))
    typer.echo(said(f"{login} 已停用", f"{login} is closed"))


@app.command()
def reopen(login: str) -> None:
    """Let a person in again, with the roles of before; give them a key or a password next."""
    acting_on.reopen(*acting(), acts.given(ReopenPerson, login=login))
    typer.echo(said(f"{login} 已恢复，请发放新的密钥或密码", f"{login} is let in again; give them a new key or password"))


@app.command()
def change(
    login: str,
    name: Annotated[str | None, typer.Option(help="Full name.")] = None,
    name_en: Annotated[str | None, typer.Option(help="Name in Latin letters.")] = None,
    organization: Annotated[str | None, typer.Option(help="Organization.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="The roles from now on, all of them.")] = None,
    as_json: JSON = False,
) -> None:
    """Change a person's name, organization or roles; what is not named stays."""
    fields = {"name": name, "name_en": name_en, "organization": organization, "roles": role or None}
    state = acting_on.change(*acting(), acts.given(ChangePerson, login=login, **fields))
    roles = ", ".join(state.roles)
    _say(state, as_json, f"已变更 {login}（{roles}）", f"{login} is changed ({roles})")


@app.command()
def sessions(
    login: Annotated[str, typer.Argument(help="Of one person; empty: everybody's.")] = "", as_json: JSON = False
) -> None:
    """Open portal sessions, newest first: who, since when, from where, and the key they were begun with."""
    with database.session(Settings().catalog_database) as session:
        _administrator(session)
        listed = signins.listed(session, people.get_person(session, login) if login else None)
    if as_json:
        typer.echo(json.dumps([_session(one) for one in listed], ensure_ascii=False))
        return
    heads = (
        ("编号", "number"),
        ("登录名", "login"),
        ("开始", "since"),
        ("结束", "until"),
        ("地址", "address"),
        ("密钥", "key"),
    )
    table = Table(*(said(*head) for head in heads))
    for one in listed:
        spans = (f"{local(moment):%Y-%m-%d %H:%M}" for moment in (one.begun_at, one.expires_at))
        table.add_row(one.id, one.login, *spans, one.address, one.key_prefix or "—")
    Screen().print(table)


@app.command("end-session")
def end_session(number: Annotated[str, typer.Argument(help="The session's number, from `hub people sessions`.")]) -> None:
    """End one open session; its next request is nobody's."""
    ended = keys.end_session(*acting(), acts.given(EndSession, session=number))
    typer.echo(said(f"{ended.login} 的会话 {ended.session} 已结束", f"Session {ended.session} of {ended.login} is ended"))


def _session(one: signins.OpenSession) -> dict[str, str]:
    return asdict(one) | {"begun_at": one.begun_at.isoformat(), "expires_at": one.expires_at.isoformat()}


def _administrator(session: Session) -> Subject:
    who = subject(session)
    access.require(session, who, "administer", None)
    return who


def _say(result: BaseModel, as_json: bool, chinese: str, english: str) -> None:
    typer.echo(json.dumps(result.model_dump(mode="json"), ensure_ascii=False) if as_json else said(chinese, english))
