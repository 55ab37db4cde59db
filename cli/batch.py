"""`hub batch`, `hub rebuild`: deliveries, what became of them, their quarantine; taken back, or loaded anew."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.deliveries import batches
from catalog.deliveries.batches import Batch, BatchFilters
from catalog.entries import contracts as registry
from catalog.ledger import CatalogLedger, CatalogLookups
from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import language, said
from cli.terminal.output import AsJson, Key, allowed, as_json, on_record, size, table
from cli.terminal.screen import Screen
from contracts import doubts
from hub import acts
from warehouse.settings import Settings

if TYPE_CHECKING:
    from hub.deliveries import Delivery

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Batches: one delivery each. received = accepted + quarantined, always.",
)
STATES = {
    "received": ("已收到", "received"),
    "checking": ("校验中", "checking"),
    "loaded": ("已入库", "loaded"),
    "partial": ("部分隔离", "partly quarantined"),
    "held": ("待答复", "held"),
    "refused": ("整批拒绝", "refused"),
    "returned": ("退回", "returned"),
    "corrected": ("已补正", "corrected"),
    "undone": ("已撤销", "undone"),
    "discarded": ("已搁置", "put aside"),
}
COUNTS = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")
Number = Annotated[str, typer.Argument(metavar="BATCH", help="Number of the batch, e.g. 20260311-0042.")]


Maps = Annotated[list[str] | None, typer.Option("--map", metavar="HEADER=ITEM", help="This column of the file is that item.")]
Absent = Annotated[list[str] | None, typer.Option(metavar="ITEM", help="This item may be missing, or empty.")]
Orders = Annotated[list[str] | None, typer.Option("--dates", metavar="ITEM=mdy|dmy|ymd", help="Order of day, month and year.")]
Overlap = Annotated[str, typer.Option(metavar="append|replace", help="What rows do that came before, where there is no key.")]
RowKey = Annotated[str, typer.Option("--key", metavar="ITEM[,ITEM]", help="What identifies a row, if the contract says not.")]
Again = Annotated[bool, typer.Option("--again", help="Load an older file after newer ones.")]
Reason = Annotated[str, typer.Option(help="Why; kept on record, and told to the sender.")]
Nil = Annotated[bool, typer.Option("--nil", help="A file without rows is a nil return.")]
ASKED = 2
"""Status of a delivery that is held until somebody answers."""


@app.command("list")
def listing(
    dataset: Annotated[str, typer.Option(help="Only of this dataset.")] = "",
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; repeatable.")] = None,
    route: Annotated[str, typer.Option(help="request, buy or collect.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    settings = Settings()
    allowed(settings, "see-quarantine", dataset, key)
    with database.session(settings.catalog_database) as session:
        filters = BatchFilters(dataset=dataset, state=tuple(state or ()), route=route)
        listed = [told(batch) for batch in batches.listed(session, filters, size=limit).batches]
    if json:
        as_json(listed)
        return
    lines = [[b["id"], b["dataset"], _state(b), *(b[name] for name in COUNTS[:3]), b["filename"]] for b in listed]
    counted = (("收到", "Received"), ("接受", "Accepted"), ("隔离", "Quarantined"), ("文件", "File"))
    table(("批次", "Batches"), (("批次", "Batch"), ("数据集", "Dataset"), ("状态", "State"), *counted), lines)


@app.command()
def show(number: Number, key: Key = "", json: AsJson = False) -> None:
    """Show one delivery: counts, whole-batch checks, faults with what to do, seconds of each step."""
    settings = Settings()
    batch = _batch(settings, number, "see-quarantine", key)
    if json:
        as_json(batch)
        return
    message = batch["message"] if language() == "zh" else batch["message_en"]
    typer.echo(f"{batch['id']}  {batch['dataset']}  {_state(batch)}  {batch['filename']} ({size(batch['bytes'])})  {message}")
    typer.echo("  ".join(f"{name} {batch[name]:,}" for name in COUNTS))
    _ask(number, batch["questions"])
    for check in batch["checks"]:
        typer.echo(f"{'✓' if check['passed'] else '✗'} {check['message'] if language() == 'zh' else check['message_en']}")
    lines = [
        [f["rows"], f["item"], f["rule"], f["value"], f["message" if language() == "zh" else "message_en"]]
        for f in batch["faults"]
    ]
    if lines:
        told_of = (("行数", "Rows"), ("信息项", "Item"), ("规则", "Rule"), ("例", "Example"), ("怎么办", "What to do"))
        table(("隔离原因", "Why rows are quarantined"), told_of, lines)


@app.command()
def deliver(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    file: Annotated[Path, typer.Argument(help="The file, in any form that hub onboard reads.")],
    agreement: Annotated[str, typer.Option(help="Agreement it comes under.")] = "",
    organization: Annotated[str, typer.Option(help="Who sent it.")] = "",
    period: Annotated[str, typer.Option(help="2026-03, 2026Q1 or 2026, for collections.")] = "",
    corrects: Annotated[str, typer.Option(metavar="BATCH", help="Batch whose quarantined rows it mends.")] = "",
    maps: Maps = None,
    absent: Absent = None,
    dates: Orders = None,
    overlap: Overlap = "",
    row_key: RowKey = "",
    again: Again = False,
    nil: Nil = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Receive a file for a dataset, check it, and load what is good.

    Status 1 if it was refused as a whole; 2 if it is held, because the file leaves something open that the options from
    `--map` on answer. Such an answer is kept for later deliveries, too (`hub batch answers`).

    **Example:** `hub batch deliver enterprise_registration mended.xlsx --corrects 20260311-0042`
    """
    from warehouse.foreign import door

    door.warm()  # it imports beside what this process imports
    from hub import deliveries

    request = acts.given(
        deliveries.Deliver,
        resource=dataset,
        file=file,
        agreement=agreement,
        organization=organization,
        period=period,
        corrects=corrects,
        answers=_given(maps, absent, dates, overlap, row_key, again, nil),
    )
    hub, who = acting(key)
    with Screen(stderr=True).status(said(f"正在送交 {file.name} …", f"Delivering {file.name} …")):
        delivered = deliveries.deliver(hub, who, request)
    _delivered(delivered, json)


@app.command("answer")
def answering(
    number: Number,
    maps: Maps = None,
    absent: Absent = None,
    dates: Orders = None,
    overlap: Overlap = "",
    row_key: RowKey = "",
    again: Again = False,
    nil: Nil = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Answer what a held delivery leaves open, and go on with it. Answers about columns, dates and rows are kept.

    **Example:** `hub batch answer 20260311-0042 --map 单位名称=企业名称`
    """
    from hub import deliveries

    answers = _given(maps, absent, dates, overlap, row_key, again, nil)
    hub, who = acting(key)
    with Screen(stderr=True).status(said(f"正在入库 {number} …", f"Loading {number} …")):
        delivered = deliveries.answer(hub, who, acts.given(deliveries.Answer, batch=number, **answers))
    _delivered(delivered, json)


@app.command("answers")
def remembered_answers(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    forget: Annotated[bool, typer.Option("--forget", help="Ask again from the next delivery on.")] = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Show what was answered for a dataset's deliveries and holds for the next ones; with --forget, ask again."""
    settings = Settings()
    who, _policies = allowed(settings, "answer-batch" if forget else "see-quarantine", dataset, key)
    ledger = CatalogLedger(settings.catalog_database)
    remembered = ledger.agreed(dataset)
    if forget:
        ledger.forget(dataset, who.actor)
    with database.session(settings.catalog_database) as session:
        words = doubts.arguments(remembered, registry.get(session, dataset))
    if json:
        as_json({"dataset": dataset, "answers": asdict(remembered), "forgotten": forget})
    else:
        typer.echo(shlex.join(words) or said("没有记住的答复。", "Nothing is remembered."))


@app.command("pass")
def let_pass(number: Number, reason: Reason = "", key: Key = "", json: AsJson = False) -> None:
    """Let a delivery pass (放行) that broke a rule about the whole: rows, freshness, vanished keys, share of quarantine.

    Its rows are checked as ever: those at fault stay in quarantine.
    """
    _decide("pass", number, reason, key, json)


@app.command()
def undo(number: Number, reason: Reason = "", key: Key = "", json: AsJson = False) -> None:
    """Take a batch back: the table becomes what it would be without it. Released versions stay as they are."""
    _decide("undo", number, reason, key, json)


@app.command()
def discard(number: Number, reason: Reason = "", key: Key = "", json: AsJson = False) -> None:
    """Put aside (搁置) a batch that waits, is stuck, held or refused, without opening it again; its file is kept."""
    _decide("discard", number, reason, key, json)


def _decide(name: str, number: str, reason: str, key: str, json: bool) -> None:
    """One decision about a batch, for a reason: do it, say what became of the batch."""
    from hub import deliveries
    from warehouse.ingest.acts import ACTS, ReasonMissing

    act = ACTS[name]
    if not reason.strip():
        raise ReasonMissing(act)
    does = {"undo": deliveries.undo, "pass": deliveries.let_pass, "discard": deliveries.discard}[name]
    hub, who = acting(key)
    with Screen(stderr=True).status(said(f"正在{act.word} {number} …", f"{act.word_en.capitalize()} {number} …")):
        decided = does(hub, who, acts.given(deliveries.Decide, batch=number, reason=reason))
    _delivered(decided, json)


@app.command()
def export(
    number: Number,
    target: Annotated[Path, typer.Option("--output", "-o", help="File to write; .xlsx or .csv.")] = Path("quarantine.csv"),
    key: Key = "",
) -> None:
    """Write a batch's quarantined rows as the provider's own file with a column of reasons, to be mended and sent again."""
    from hub import deliveries

    hub, who = acting(key)
    kind = "xlsx" if target.suffix.lower() == ".xlsx" else "csv"
    exported = deliveries.export(hub, who, acts.given(deliveries.Export, batch=number, file=target, kind=kind))
    rows, dataset = exported.rows, exported.dataset
    typer.echo(
        said(
            f"{rows} 行写入 {target}。改好后：hub batch deliver {dataset} {target} --corrects {number}",
            f"{rows} rows in {target}. Mended, send it by: hub batch deliver {dataset} {target} --corrects {number}",
        )
    )


@app.command()
def correct(
    number: Number,
    cells: Annotated[list[str], typer.Option("--set", metavar="ROW.ITEM=VALUE", help="What a refused row is to hold.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what would still be refused; nothing is loaded.")] = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Correct refused rows one by one; the others stay in quarantine. Many are quicker corrected in the file of `export`.

    **Example:** `hub batch correct 20260311-0042 --set 17.capacity=300 --set 18.name=红旗小学`
    """
    from hub import corrections

    rows = [{"row": row, "values": values} for row, values in _cells(cells).items()]
    hub, who = acting(key)
    if not check:
        _delivered(corrections.correct(hub, who, acts.given(corrections.CorrectRows, batch=number, rows=rows)), json)
        return
    tried = corrections.check(hub, who, acts.given(corrections.CheckRows, batch=number, rows=rows))
    if json:
        as_json(tried.model_dump(mode="json"))
    else:
        lines = [(row.row, fault) for row in tried.rows for fault in row.faults]
        for row, fault in lines:
            typer.echo(f"✗ {row} {fault.header}: {said(fault.message, fault.message_en)}")
        if not lines:
            typer.echo(said("全部通过。", "All of them pass."))
    if any(row.faults for row in tried.rows):
        raise typer.Exit(1)


def _cells(cells: Sequence[str]) -> dict[int, dict[str, str]]:
    """ROW.ITEM=VALUE, each."""
    rows: dict[int, dict[str, str]] = {}
    for cell in cells:
        place, equals, value = cell.partition("=")
        row, _, item = place.partition(".")
        if not (equals and item and row.isdecimal() and len(row) < 19):
            raise typer.BadParameter(said(f"应为 行号.信息项=值：{cell}", f"should be ROW.ITEM=VALUE: {cell}"))
        rows.setdefault(int(row), {})[item] = value
    return rows


@app.command()
def reconcile(key: Key = "", json: AsJson = False) -> None:
    """Bring batches that were interrupted to their end: what the lake holds is told to the catalogue, the rest is loaded."""
    from warehouse.ingest import reconcile as reconciling

    settings = Settings()
    who, policies = allowed(settings, "administer", "", key)
    reconciled = reconciling.reconcile(
        settings, CatalogLedger(settings.catalog_database), CatalogLookups(settings.catalog_database)
    )
    if reconciled:
        on_record(settings, who, "reconcile", "hub", policies, {one.batch_id: one.how for one in reconciled})
    lines = [[one.batch_id, one.dataset, one.how, one.error.said(language()) if one.error else ""] for one in reconciled]
    if json:
        as_json([dict(zip(("batch", "dataset", "how", "error"), line, strict=True)) for line in lines])
    else:
        columns = (("批次", "Batch"), ("数据集", "Dataset"), ("结果", "How"), ("错误", "Error"))
        table(("收尾的批次", "Batches brought to their end"), columns, lines)


def rebuild(dataset: Annotated[str, typer.Argument(help="Name of the dataset.")], key: Key = "", json: AsJson = False) -> None:
    """Check and load every accepted batch of a dataset again, from its landed bytes, under the active contract."""
    from hub import deliveries

    hub, who = acting(key)
    with Screen(stderr=True).status(said(f"正在重建 {dataset} …", f"Building {dataset} anew …")):
        rebuilt = deliveries.rebuild_dataset(hub, who, acts.given(deliveries.Rebuild, resource=dataset)).batches
    if json:
        as_json([_plain(one) for one in rebuilt])
        return
    for one in rebuilt:
        typer.echo(f"{one.batch}: {_said(one)}")


def _given(
    maps: list[str] | None,
    absent: list[str] | None,
    dates: list[str] | None,
    overlap: str,
    row_key: str,
    again: bool,
    nil: bool,
) -> dict[str, Any]:
    """The answers that the options hold."""
    return {
        "columns": doubts.pairs("--map", maps or ()),
        "absent": absent or [],
        "dates": doubts.pairs("--dates", dates or (), ("dmy", "mdy", "ymd")),
        "overlap": overlap,
        "key": [name.strip() for name in row_key.split(",") if name.strip()],
        "again": again,
        "nil": nil,
    }


def _delivered(delivery: Delivery, json: bool) -> None:
    """Say what became of a delivery and what it leaves open; end with its status."""
    if json:
        as_json(_plain(delivery) | ({"commands": commands(delivery.batch, delivery.questions)} if delivery.questions else {}))
    else:
        typer.echo(f"{delivery.batch}: {_said(delivery)}")
        for check in delivery.checks:
            if check["rule"] in ("columns", "dates", "beside") and check["passed"]:
                typer.echo(f"  · {check['message'] if language() == 'zh' else check['message_en']}")
        _ask(delivery.batch, delivery.questions)
    if delivery.state in ("refused", "returned"):
        raise typer.Exit(1)
    if delivery.state == "held":
        raise typer.Exit(ASKED)


def _plain(delivery: Delivery) -> dict[str, Any]:
    fields = delivery.model_dump(mode="json", exclude={"checks"})
    return fields if delivery.questions else {name: value for name, value in fields.items() if name != "questions"}


def commands(number: str, questions: Sequence[Mapping[str, Any]]) -> list[str]:
    """The commands that answer everything a held batch leaves open, the likeliest first."""
    most = max((len(question["choices"]) for question in questions), default=0)
    lines = []
    for place in range(most):
        chosen = [question["choices"][min(place, len(question["choices"]) - 1)]["args"] for question in questions]
        lines.append(shlex.join(["hub", "batch", "answer", number, *itertools.chain.from_iterable(chosen)]))
    return lines


def _ask(number: str, questions: Sequence[Mapping[str, Any]]) -> None:
    """What a held batch leaves open, its evidence, and the command for each answer."""
    lang = language()
    for question in questions:
        typer.secho(f"? {question[lang]}", fg="yellow")
        for line in question["evidence"]:
            typer.echo(f"  · {line[lang]}")
        for choice in question["choices"]:
            typer.echo(f"  {choice[lang]}:")
            typer.echo(f"    {shlex.join(['hub', 'batch', 'answer', number, *choice['args']])}")
    if len(questions) > 1:
        typer.echo(said("几个问题可以在一条命令中一起答复。", "One command may answer them all."))


def told(batch: Batch) -> dict[str, Any]:
    """A batch as JSON holds it."""
    return batch.model_dump(mode="json")


def _batch(settings: Settings, number: str, action: str, key: str) -> dict[str, Any]:
    with database.session(settings.catalog_database) as session:
        shown = told(batches.get(session, number))
    allowed(settings, action, shown["dataset"], key)
    return shown


def _state(batch: dict[str, Any]) -> str:
    return said(*STATES.get(batch["state"], (batch["state"], batch["state"])))


def _said(delivery: Delivery) -> str:
    return delivery.message if language() == "zh" else delivery.message_en
