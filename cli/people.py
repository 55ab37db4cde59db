"""`hub people`: people, roles, keys, passwords and open sessions."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlmodel import Session

from catalog import access
from catalog.audit import chain as audit
from catalog.identity import organizations, people, signins
from catalog.identity.people import Person, Subject
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.clock import local, now
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="People, their roles, keys, passwords and sessions.")
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_people(as_json: JSON = False) -> None:
    """Everybody with roles and living keys."""
    with database.session(Settings().catalog_database) as session:
        access.require(session, subject(session), "administer", None)
        told = [_told(session, person) for person in people.listed(session)]
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    table = Table(
        *(
            said(*pair)
            for pair in (("登录名", "login"), ("姓名", "name"), ("机构", "organization"), ("角色", "roles"), ("密钥", "keys"))
        )
    )
    for one in told:
        keys = ", ".join(key["prefix"] for key in one["keys"] if key["state"] == "live") or "—"
        table.add_row(one["login"], one["name"], one["organization"], ", ".join(one["roles"]), keys)
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
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        home = organization or organizations.own(session).id
        person = people.add_person(session, login, name or login, home, role or [], name_en=name_en)
        _note(session, who, "people.add", person, {"roles": person.roles, "organization": home})
        told = _told(session, person)
    _say(told, as_json, f"已登记 {login}（{told['organization']}）", f"{login} is registered ({told['organization']})")


@app.command()
def key(
    login: str,
    label: Annotated[str, typer.Option(help="What the key is for.")] = "",
    days: Annotated[int, typer.Option(help="Days until it expires; 0: never.", min=0)] = 365,
    as_json: JSON = False,
) -> None:
    """Issue a key; it is shown this once."""
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        person = people.get_person(session, login)
        expires = now() + timedelta(days=days) if days else None
        made, shown = people.issue_key(session, person, label, expires)
        _note(session, who, "key.issue", person, {"prefix": made.prefix, "label": label, "days": days})
    told = {"login": login, "key": shown, "prefix": made.prefix, "expires_at": expires.isoformat() if expires else None}
    _say(told, as_json, f"{login} 的密钥（只显示这一次）：{shown}", f"Key of {login} (shown this once): {shown}")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key, or its part between hui_ and the next _.")]) -> None:
    """Take a key back; from the next request on it opens nothing."""
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        gone = people.revoke_key(session, prefix)
        owner = session.get(Person, gone.person_id)
        if owner is not None:
            _note(session, who, "key.revoke", owner, {"prefix": gone.prefix})
    typer.echo(said(f"密钥 {gone.prefix} 已收回", f"Key {gone.prefix} is revoked"))


@app.command()
def password(login: str, stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input.")] = False) -> None:
    """Give a person a password for the portal; their open sessions end."""
    text = sys.stdin.readline().rstrip("\n") if stdin else typer.prompt(said("新密码", "New password"), hide_input=True)
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        person = people.get_person(session, login)
        people.set_password(session, person, text)
        _note(session, who, "people.password", person, {})
    typer.echo(said(f"{login} 的密码已更新", f"The password of {login} is set"))


@app.command()
def close(login: str) -> None:
    """Close a person's access: keys and sessions stop at once, the record stays."""
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        person = people.get_person(session, login)
        people.deactivate(session, person)
        _note(session, who, "people.close", person, {})
    typer.echo(said(f"{login} 已停用", f"{login} is closed"))


@app.command()
def sessions(
    login: Annotated[str, typer.Argument(help="Of one person; empty: everybody's.")] = "", as_json: JSON = False
) -> None:
    """Open portal sessions, newest first: who, since when, from where, and the key they were begun with."""
    with database.session(Settings().catalog_database) as session:
        _administrator(session)
        found = signins.listed(session, people.get_person(session, login) if login else None)
    if as_json:
        typer.echo(json.dumps([_session(one) for one in found], ensure_ascii=False))
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
    for one in found:
        spans = (f"{local(moment):%Y-%m-%d %H:%M}" for moment in (one.begun_at, one.expires_at))
        table.add_row(one.id, one.login, *spans, one.address, one.key_prefix or "—")
    Screen().print(table)


@app.command("end-session")
def end_session(number: Annotated[str, typer.Argument(help="The session's number, from `hub people sessions`.")]) -> None:
    """End one open session; its next request is nobody's."""
    with database.session(Settings().catalog_database) as session:
        who = _administrator(session)
        gone = signins.end(session, number)
        _note(session, who, "session.end", people.get_person(session, gone.login), {"session": gone.id})
    typer.echo(said(f"{gone.login} 的会话 {gone.id} 已结束", f"Session {gone.id} of {gone.login} is ended"))


def _session(one: signins.OpenSession) -> dict[str, str]:
    return asdict(one) | {"begun_at": one.begun_at.isoformat(), "expires_at": one.expires_at.isoformat()}


def _administrator(session: Session) -> Subject:
    who = subject(session)
    access.require(session, who, "administer", None)
    return who


def _note(session: Session, who: Subject, action: str, person: Person, detail: dict[str, Any]) -> None:
    audit.record(
        session,
        actor=who.actor,
        organization_id=who.organization_id,
        action=action,
        object=f"person:{person.login}",
        detail=detail,
    )


def _told(session: Session, person: Person) -> dict[str, Any]:
    moment = now()
    return {
        "login": person.login,
        "name": person.name,
        "organization": person.organization_id,
        "roles": person.roles,
        "active": person.active,
        "password": bool(person.password_hash),
        "keys": [
            {
                "prefix": one.prefix,
                "label": one.label,
                "state": "revoked" if one.revoked_at else "expired" if one.expires_at and one.expires_at <= moment else "live",
                "expires_at": one.expires_at.isoformat() if one.expires_at else None,
            }
            for one in people.keys_of(session, person)
        ],
    }


def _say(told: dict[str, Any], as_json: bool, chinese: str, english: str) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False) if as_json else said(chinese, english))
