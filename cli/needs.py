"""`hub need`: needs for data, and what a request passes through until it is agreed."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.agreements import Agency, Channel, Number, On, Reason, Term, channels_of, tell, terms_of
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, as_json, table
from hub import acquisition, acts, requests
from hub import needs as looking
from hub.acquisition import EnterNeed
from hub.needs import FoundEntry, MatchNeed
from hub.requests import (
    AnswerNeed,
    AskNeed,
    CommentNeed,
    CompleteNeed,
    ConsentNeed,
    DisputeNeed,
    ExtendNeed,
    LinkNeed,
    SendNeed,
    SettleNeed,
)

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Needs: entered, consented to, sent, completed, answered, disputed."
)
Text = Annotated[str, typer.Option(help="The words; kept in the history.")]
Items = Annotated[
    list[str] | None,
    typer.Option(
        "--item", metavar="NAME|FORMAT|CODES", help="What is needed: 用电量, or 观测时间|date, or 区划||division; repeatable."
    ),
]
FOUND = (("名称", "Title"), ("表", "Resource"), ("得分", "Score"), ("为何", "Why"))


@app.command("enter")
def enter(
    route: Annotated[str, typer.Argument(help="request, buy or collect.")],
    dataset: Annotated[str, typer.Argument(help="Machine name of the resource that it is to feed.")],
    provider: Annotated[str, typer.Option(help="Identifier of the organization that is asked.")],
    title: Annotated[str, typer.Option(help="What is needed.")],
    purpose: Annotated[str, typer.Option(help="What it is needed for.")],
    title_en: Annotated[str, typer.Option(help="What is needed, in English.")] = "",
    cycle: Annotated[str, typer.Option(help="实时 每日 每周 每月 每季度 每半年 每年 不定期")] = "每月",
    basis: Annotated[str, typer.Option(help="Legal basis.")] = "",
    coordinating_body: Annotated[str, typer.Option(help="Body that coordinates.")] = "",
    item: Items = None,
    wanted_by: Annotated[str, typer.Option(metavar="DAY", help="By when it is needed, YYYY-MM-DD.")] = "",
    in_spite_of: Annotated[str, typer.Option(metavar="REASON", help="Why it is entered although the hub has it.")] = "",
    on: On = "",
    steward: Annotated[str, typer.Option(help="Login of who looks after it.")] = "",
    number: Annotated[str, typer.Option(help="A number that it has already.")] = "",
    term: Term = None,
    agency: Agency = None,
    channel: Channel = None,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Enter a need for data; it gets its number. A request waits for consent before it is sent.

    **Example:** `hub need enter request river_level --provider hlj-water --title 河流水位 --purpose 水资源调度 --channel
    folder,path=inbox/river_level`
    """
    given = acts.given(
        EnterNeed,
        route=route,
        dataset=dataset,
        provider=provider,
        title=title,
        title_en=title_en,
        purpose=purpose,
        cycle=cycle,
        legal_basis=basis,
        coordinating_body=coordinating_body,
        items=_items(item),
        wanted_by=wanted_by or None,
        in_spite_of=in_spite_of,
        needed_on=on or None,
        steward=steward,
        number=number,
        agencies=agency or [],
        channels=channels_of(channel),
        **terms_of(route, term),
    )
    tell(acquisition.enter(*acting(key), given), json)


@app.command("match")
def match(
    item: Items = None,
    title: Annotated[str, typer.Option(help="What is needed.")] = "",
    purpose: Annotated[str, typer.Option(help="What it is needed for.")] = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """What the hub has or may share of a need, each entry with a score and why.

    **Example:** `hub need match --title 企业用电 --item 用电量 --item "观测时间|date"`
    """
    given = acts.given(MatchNeed, items=_items(item), title=title, purpose=purpose)
    found = looking.match(*acting(key), given)
    if json:
        as_json(found.model_dump(mode="json"))
        return
    if not found.matches:
        typer.echo(said("平台没有这些数据。", "The hub has nothing of it."))
        return
    lines = [[said(one.title, one.title_en or one.title), one.resource, f"{one.score:.0%}", _why(one)] for one in found.matches]
    table(("平台已有", "What the hub has"), FOUND, lines)


@app.command("consent")
def consent(
    number: Number,
    head: Annotated[str, typer.Option(help="Name of the head of the sharing office.")],
    document: Annotated[str, typer.Option(help="Number of the paper, where consent was given on one.")] = "",
    give_back: Annotated[str, typer.Option("--return", metavar="REASON", help="Do not consent: give it back, and why.")] = "",
    on: On = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Record that the head of your side's sharing office consents, before a request is sent or its answer is given."""
    decision = "return" if give_back else "consent"
    given = acts.given(
        ConsentNeed, agreement=number, decision=decision, head=head, document=document, text=give_back, on=on or None
    )
    tell(requests.consent(*acting(key), given), json)


@app.command("send")
def send(number: Number, on: On = "", key: Key = "", json: AsJson = False) -> None:
    """Send a request that was consented to; from now its answer is due."""
    tell(requests.send(*acting(key), acts.given(SendNeed, agreement=number, on=on or None)), json)


@app.command("link")
def link(
    number: Number,
    days: Annotated[int, typer.Option(help="How long it opens.")] = 30,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Make a link by which the asked body answers once, without an account; it is shown once."""
    made = requests.link(*acting(key), acts.given(LinkNeed, agreement=number, days=days))
    if json:
        as_json(made.model_dump(mode="json"))
        return
    typer.echo(f"{made.link}　{made.expires_on}")


@app.command("ask")
def ask(
    number: Number,
    missing: Annotated[str, typer.Option(help="All that is missing; it can be told once.")],
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Tell, once and completely, what a request that was put to your organization lacks."""
    tell(requests.ask(*acting(key), acts.given(AskNeed, agreement=number, missing=missing)), json)


@app.command("complete")
def complete(number: Number, text: Text, key: Key = "", json: AsJson = False) -> None:
    """Give what was missing; the answer's term begins anew."""
    tell(requests.complete(*acting(key), acts.given(CompleteNeed, agreement=number, text=text)), json)


@app.command("answer")
def answer(
    number: Number,
    decision: Annotated[str, typer.Argument(metavar="accept|part|refuse", help="part and refuse need --text.")],
    text: Annotated[str, typer.Option(help="The answer; a refusal says why and on what legal basis.")] = "",
    without: Annotated[list[str] | None, typer.Option(help="Item that is left out, of an answer in part; repeatable.")] = None,
    on: On = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Answer a need that was put to your organization; the answer to a request counts once its head has consented."""
    given = acts.given(AnswerNeed, agreement=number, answer=decision, text=text, without=without or [], on=on or None)
    tell(requests.answer(*acting(key), given), json)


@app.command("extend")
def extend(
    number: Number,
    authority: Annotated[str, typer.Option(help="Authority that consented to the extension.")],
    reason: Reason,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Give a provider the one extension of its answer."""
    tell(requests.extend(*acting(key), acts.given(ExtendNeed, agreement=number, authority=authority, reason=reason)), json)


@app.command("comment")
def comment(number: Number, text: Text, key: Key = "", json: AsJson = False) -> None:
    """Ask or explain in the thread between the two sides."""
    tell(requests.comment(*acting(key), acts.given(CommentNeed, agreement=number, text=text)), json)


@app.command("dispute")
def dispute(number: Number, reason: Reason, key: Key = "", json: AsJson = False) -> None:
    """Dispute an answer, or take the dispute one step higher."""
    tell(requests.dispute(*acting(key), acts.given(DisputeNeed, agreement=number, reason=reason)), json)


@app.command("settle")
def settle(
    number: Number,
    outcome: Annotated[str, typer.Argument(metavar="again|accept|uphold", help="Answer anew, agreed, or the refusal stands.")],
    body: Annotated[str, typer.Option(help="Who decided.")],
    text: Text,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Record what came of a dispute."""
    tell(requests.settle(*acting(key), acts.given(SettleNeed, agreement=number, outcome=outcome, body=body, text=text)), json)


def _items(given: list[str] | None) -> list[dict[str, str]]:
    """`观测时间|date|` as a wanted item."""
    return [
        dict(zip(("name", "format", "code_list"), (part.strip() for part in text.split("|")), strict=False))
        for text in given or []
    ]


def _why(one: FoundEntry) -> str:
    return said("；", "; ").join(said(each.reason, each.reason_en) for each in one.items if each.item is not None)
