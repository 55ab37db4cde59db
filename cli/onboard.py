"""`hub onboard FILE`: make a dataset of a file, or receive the next delivery of one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.batch import ASKED, commands
from cli.terminal.identity import acting
from cli.terminal.language import language, said
from cli.terminal.prompts import Told, UnusableAnswer, ask, progress
from contracts.inference.evidence import Evidence, Undecided
from contracts.model import Contract
from hub import onboarding
from hub.onboarding import Loaded
from warehouse.foreign import door
from warehouse.ingest.deliver import Delivered
from warehouse.settings import Settings
from warehouse.storage import landing


def onboard(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, Excel, JSON, Parquet, dbf, shapefile, KML, GeoPackage; gzip or zip of one."),
    ],
    owner: Annotated[
        str, typer.Option(metavar="ORG", help="Organization that answers for the data; default: this hub's own.")
    ] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; all: those of one shape together.")] = "",
    columns: Annotated[
        str,
        typer.Option(
            "--range", metavar="A:C", help="Columns of a sheet with tables side by side; A:C,E:G: one below the other."
        ),
    ] = "",
    header: Annotated[str, typer.Option(metavar="N|none", help="Row that holds the column names, from 1; or none.")] = "",
    records: Annotated[
        str, typer.Option(metavar="PATH", help="Where the records are in a JSON document, e.g. result.items.")
    ] = "",
    encoding: Annotated[str, typer.Option(help="utf-8, gb18030, big5, utf-16, latin-1 …")] = "",
    delimiter: Annotated[str, typer.Option(help="comma, tab, semicolon, pipe, or the character itself.")] = "",
    quote: Annotated[str, typer.Option(help="Quote character.")] = "",
    member: Annotated[str, typer.Option(metavar="NAME", help="File of a zip archive.")] = "",
    dates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=mdy|dmy|ymd|excel|roc|no",
            help="Order of day, month and year; Excel's day numbers; years of the Republic; * for every column.",
        ),
    ] = None,
    types: Annotated[list[str] | None, typer.Option("--type", metavar="COLUMN=TYPE", help="Type of a column.")] = None,
    decimal: Annotated[list[str] | None, typer.Option(metavar="COLUMN=comma|point", help="What a comma in numbers is.")] = None,
    coordinates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=gcj02|bd09|swapped|minutes|seconds|mercator|as-is",
            help="How a longitude and its latitude are written; they are converted in columns of their own.",
        ),
    ] = None,
    key: Annotated[str, typer.Option(metavar="COLUMN[,COLUMN]|none", help="Columns that identify a row.")] = "",
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="Machine name of the dataset; an existing one gets a delivery.")
    ] = "",
    title: Annotated[str, typer.Option(help="Title of a new dataset.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="End with one line: an object with what became of the file.")] = False,
) -> None:
    """Make a dataset of a file: find out how it is read, draft its contract from all rows, check and load it.

    The same file again changes nothing; another file of the same name is the dataset's next delivery. What the file does
    not say is asked; without a terminal nothing is loaded, the command to run is printed, and the status is 2.

    **Example:** `hub onboard 企业名单.xlsx --owner hlj-market --sheet 2024年`
    """
    reading = {
        "sheet": sheet,
        "range": columns,
        "header": header,
        "records": records,
        "encoding": encoding,
        "delimiter": delimiter,
        "quote": quote,
        "member": member,
    }
    statements = Told(
        file,
        owner,
        dataset,
        title,
        {k: v for k, v in reading.items() if v},
        [*(dates or ())],
        [*(types or ())],
        [*(decimal or ())],
        [*(coordinates or ())],
        key,
        as_json,
    )
    _readable(file)
    door.warm()
    settings = Settings()
    while True:
        try:
            with progress() as tell:
                loaded = onboarding.onboard_file(*acting(settings=settings), statements.file, statements.said(), tell)
            _tell(statements, settings, loaded)
            return
        except Undecided as open_question:
            ask(statements, open_question)


def _readable(file: Path) -> None:
    """Refuse what is no file, may not be read, or has a name that cannot be written down."""
    if not file.is_file():
        shown = os.fsencode(file).decode(errors="replace")
        raise UnusableAnswer(f"没有文件 {shown}。", f"There is no file {shown}.")
    try:
        str(file).encode()
        file.open("rb").close()
    except UnicodeEncodeError as error:
        name = landing.told_name(str(file))
        raise UnusableAnswer(
            f"文件名不是 UTF-8（可能来自 Windows：{name}）。请改名后再运行。",
            f"The file's name is not UTF-8 (perhaps from Windows: {name}). Rename it and run this again.",
        ) from error
    except OSError as error:
        raise UnusableAnswer(f"无法读取 {file}：{error.strerror}。", f"{file} cannot be read: {error.strerror}.") from error


def _tell(statements: Told, settings: Settings, loaded: Loaded) -> None:
    contract, done, evidence = loaded.contract, loaded.delivered, loaded.evidence
    outcome = done.outcome
    path = settings.root / "contracts" / f"{contract.dataset}.odcs.yaml"
    columns = [{"source": (item.source or (item.title,))[0], "name": item.name} for item in contract.items]
    result: Mapping[str, Any] = {
        "dataset": contract.dataset, "received": outcome.received, "accepted": outcome.accepted,
        "quarantined": outcome.quarantined, "encoding": outcome.encoding or str(contract.reading.get("encoding", "")),
        "contract": str(path) if path.is_file() else contract.version,
        "columns": columns, "batch": done.batch_id, "state": outcome.state, "no_op": done.no_op,
        "evidence": [line.in_language(language()) for line in evidence],
    }  # fmt: skip
    if statements.as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        _print(contract, done, evidence, path, loaded.new)
    if outcome.state == "held":
        typer.secho(said(outcome.message, outcome.message_en), fg="yellow", err=True)
        for command in commands(done.batch_id, outcome.questions):
            typer.echo(f"  {command}", err=True)
        raise typer.Exit(ASKED)
    if outcome.state in {"refused", "returned"}:
        typer.secho(said(outcome.message, outcome.message_en), fg="red", err=True)
        raise typer.Exit(1)


def _print(contract: Contract, done: Delivered, evidence: tuple[Evidence, ...], path: Path, new: bool) -> None:
    outcome = done.outcome
    for line in evidence:
        typer.echo(f"  · {line.in_language(language())}")
    if done.no_op:
        typer.echo(
            said(
                f"{contract.dataset}：同一文件已入库，未作改动。",
                f"{contract.dataset}: the same file is loaded already; nothing changed.",
            )
        )
        return
    received, accepted, counts = (f"{n:,}" for n in (outcome.received, outcome.accepted, outcome.quarantined))
    typer.secho(
        said(
            f"{contract.dataset}：收到 {received} = 入库 {accepted} + 隔离 {counts}（批次 {done.batch_id}）",
            f"{contract.dataset}: received {received} = accepted {accepted} + quarantined {counts} (batch {done.batch_id})",
        ),
        bold=True,
    )
    for fault in outcome.faults[:5]:
        typer.echo(f"  ✗ {fault.item}: " + said(fault.message, fault.message_en) + f" ×{fault.rows}")
    if new:
        typer.echo(said(f"契约草案（可编辑）：{path}", f"Draft contract, to be edited: {path}"))
        typer.echo(
            said(
                f"分析报告：{path.with_name(contract.dataset + '.profile.md')}",
                f"Profile: {path.with_name(contract.dataset + '.profile.md')}",
            )
        )
    typer.echo(f'  hub sql "SELECT * FROM resource.{contract.dataset} LIMIT 5"')  # noqa: S608 - printed, not run
