"""`hub agreement`: agreements from signature to end."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalog.acquisition.negotiation import STATE_NAMES
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, as_json, table
from hub import acquisition, acts, agreement_view
from hub.acquisition import ChangeAgreement, EndAgreement, RemindAgreement, RenewAgreement, SignAgreement
from hub.agreement_view import AgreementState

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Agreements, from signature to end.")

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Number of the agreement, YQ-2026-001.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the history.")]
On = Annotated[str, typer.Option(metavar="DAY", help="Day of the letter, YYYY-MM-DD; empty: today.")]
Channel = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND,NAME=VALUE,…", help="folder,path=inbox/water or http,url=https://…,records=data; repeatable."),
]
Term = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="A term of the route: ceiling=1000, price_per_record=0.02, due_day=5 …; repeatable."
    ),
]
Agency = Annotated[list[str] | None, typer.Option(help="Organization that reports under a collection; repeatable.")]
TERMS = {"buy": "purchase", "collect": "collection"}
COLUMNS = (("编号", "Number"), ("需要", "Need"), ("来源", "Provider"), ("状态", "State"), ("至", "Until"))
STEPS = (("日期", "Day"), ("步骤", "Step"), ("状态", "State"), ("办理人", "By"), ("工作日", "Working days"))
LISTS = ("permitted_purposes", "fills_items")


@app.command("list")
def listing(
    route: Annotated[str, typer.Option(help="request, buy or collect.")] = "",
    state: Annotated[str, typer.Option(help="needed, accepted, refused, signed, active or ended.")] = "",
    dataset: Annotated[str, typer.Option(help="Of one dataset.")] = "",
    after: Annotated[str, typer.Option(help="Number after which to begin.")] = "",
    limit: Annotated[int, typer.Option(help="How many.")] = agreement_view.SIZE,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Needs and agreements that you may see, by number."""
    hub, who = acting(key)
    with hub.session() as session:
        listed = agreement_view.listed(session, who, route=route, in_state=state, dataset=dataset, after=after, limit=limit)
    if json:
        as_json([one.model_dump(mode="json") for one in listed])
        return
    lines = [[one.id, one.title, one.provider, said(*STATE_NAMES[one.state]), one.valid_until] for one in listed]
    table(("协议", "Agreements"), COLUMNS, lines)


@app.command()
def show(number: Number, key: Key = "", json: AsJson = False) -> None:
    """One agreement with its history."""
    hub, who = acting(key)
    with hub.session() as session:
        tell(agreement_view.state(session, who, acts.known_agreement(session, who, number)), json, whole=True)


@app.command()
def sign(
    number: Number,
    on: On = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Last day of the term.")] = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Sign for your side; with the last signature data is taken."""
    given = acts.given(SignAgreement, agreement=number, on=on or None, valid_until=until or None)
    tell(acquisition.sign(*acting(key), given), json)


@app.command()
def change(
    number: Number,
    reason: Reason,
    title: Annotated[str, typer.Option(help="What is needed.")] = "",
    purpose: Annotated[str, typer.Option(help="What it is needed for.")] = "",
    cycle: Annotated[str, typer.Option(help="How often data is due.")] = "",
    steward: Annotated[str, typer.Option(help="Login of who looks after it.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Last day of the term.")] = "",
    term: Term = None,
    agency: Agency = None,
    channel: Channel = None,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Change what is not signed yet; of an agreement in force its channels and steward. Terms are given all together."""
    hub, who = acting(key)
    with hub.session() as session:
        route = acts.known_agreement(session, who, number).route
    changes = {"title": title, "purpose": purpose, "cycle": cycle, "steward": steward, "valid_until": until, "agencies": agency}
    given = acts.given(
        ChangeAgreement,
        agreement=number,
        reason=reason,
        channels=channels_of(channel) or None,
        **{name: value for name, value in changes.items() if value},
        **terms_of(route, term),
    )
    tell(acquisition.change(hub, who, given), json)


@app.command()
def renew(
    number: Number,
    until: Annotated[str, typer.Option(metavar="DAY", help="The new last day.")],
    reason: Reason,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Let an agreement in force run until a later day."""
    given = acts.given(RenewAgreement, agreement=number, valid_until=until, reason=reason)
    tell(acquisition.renew(*acting(key), given), json)


@app.command()
def remind(
    number: Number,
    text: Annotated[str, typer.Option(help="What is to be done; kept in the history.")] = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Remind the other side of what it owes, once a day."""
    tell(acquisition.remind(*acting(key), acts.given(RemindAgreement, agreement=number, text=text)), json)


@app.command()
def end(number: Number, reason: Reason, key: Key = "", json: AsJson = False) -> None:
    """End an agreement, or take a need back."""
    tell(acquisition.end(*acting(key), acts.given(EndAgreement, agreement=number, reason=reason)), json)


def channels_of(given: list[str] | None) -> list[dict[str, Any]]:
    """`folder,path=inbox/x` as a channel."""
    channels = []
    for text in given or []:
        kind, *settings = text.split(",")
        channels.append({"kind": kind, **dict(one.partition("=")[::2] for one in settings)})
    return channels


def terms_of(route: str, given: list[str] | None) -> dict[str, Any]:
    """`name=value` as the terms of the route; a list's values are apart by 、 or ;."""
    if not given:
        return {}
    values: dict[str, Any] = dict(one.partition("=")[::2] for one in given)
    for name in LISTS:
        if name in values:
            values[name] = [one.strip() for one in values[name].replace("；", "、").replace(";", "、").split("、")]
    return {TERMS.get(route, "purchase"): values}


def tell(agreement: AgreementState, json: bool, *, whole: bool = False) -> None:
    """Say how an agreement stands, with its history where all of it was asked for."""
    if json:
        as_json(agreement.model_dump(mode="json"))
        return
    typer.echo(f"{agreement.id}　{agreement.title}　{said(*STATE_NAMES[agreement.state])}")
    if whole:
        lines = [[one.day, said(*_title(one.act)), said(*STATE_NAMES[one.after]), one.by, one.days] for one in agreement.steps]
        table(("经过", "History"), STEPS, lines)


def _title(act: str) -> tuple[str, str]:
    return acts.ACTS[act].title if act in acts.ACTS else ("首批数据", "first data")
