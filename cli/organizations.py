"""`hub organizations`: departments, agencies, vendors and enterprises."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from catalog.identity import organizations
from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.screen import Screen
from hub import acts
from hub import organizations as acting_on
from hub.organizations import AddOrganization, ChangeOrganization
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Departments, agencies, vendors and enterprises.")


@app.command("list")
def list_organizations(
    kind: Annotated[str, typer.Option(help="department, agency, vendor or enterprise.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Every organization."""
    with database.session(Settings().catalog_database) as session:
        listed = [one.model_dump() for one in organizations.listed(session, kind=kind)]
    if as_json:
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    heads = (
        ("编号", "id"),
        ("名称", "name"),
        ("类型", "kind"),
        ("层级", "level"),
        ("区划", "division"),
        ("信用代码", "credit code"),
    )
    table = Table(*(said(*head) for head in heads))
    for one in listed:
        table.add_row(one["id"], one["name"], one["kind"], one["level"], one["division"], one["credit_code"])
    Screen().print(table)


@app.command()
def add(
    organization: Annotated[str, typer.Argument(help="Short stable identifier, e.g. hlj-water.")],
    name: Annotated[str, typer.Option(help="Its name.")],
    kind: Annotated[str, typer.Option(help="department, agency, vendor or enterprise.")] = "department",
    level: Annotated[str, typer.Option(help="country, province, city, county or town.")] = "province",
    name_en: Annotated[str, typer.Option(help="Its name in English.")] = "",
    credit_code: Annotated[str, typer.Option(help="Unified social credit code.")] = "",
    division: Annotated[str, typer.Option(help="Administrative division.")] = "",
    parent: Annotated[str, typer.Option(help="Organization above it.")] = "",
    own: Annotated[bool, typer.Option("--own", help="It is the one that runs this hub.")] = False,
) -> None:
    """Register an organization, or bring the one of that identifier up to date."""
    request = acts.given(
        AddOrganization,
        id=organization,
        name=name,
        name_en=name_en,
        kind=kind,
        level=level,
        credit_code=credit_code,
        division=division,
        parent=parent,
        own=own,
    )
    acting_on.add_organization(*acting(), request)
    typer.echo(said(f"已登记机构 {organization}", f"{organization} is registered"))


@app.command()
def change(
    organization: Annotated[str, typer.Argument(help="Its identifier.")],
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    name_en: Annotated[str | None, typer.Option(help="Its name in English.")] = None,
    kind: Annotated[str | None, typer.Option(help="department, agency, vendor or enterprise.")] = None,
    level: Annotated[str | None, typer.Option(help="country, province, city, county or town.")] = None,
    credit_code: Annotated[str | None, typer.Option(help="Unified social credit code.")] = None,
    division: Annotated[str | None, typer.Option(help="Administrative division.")] = None,
    parent: Annotated[str | None, typer.Option(help="Organization above it; empty: none.")] = None,
    contact: Annotated[str | None, typer.Option(help="Who to ask.")] = None,
    phone: Annotated[str | None, typer.Option(help="Their telephone.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="While inactive, its grants rest.")] = None,
) -> None:
    """Change what is registered of an organization; what is not named stays."""
    request = acts.given(
        ChangeOrganization,
        organization=organization,
        name=name,
        name_en=name_en,
        kind=kind,
        level=level,
        credit_code=credit_code,
        division=division,
        parent=parent,
        contact=contact,
        phone=phone,
        active=active,
    )
    acting_on.change_organization(*acting(), request)
    typer.echo(said(f"已变更机构 {organization}", f"{organization} is changed"))
