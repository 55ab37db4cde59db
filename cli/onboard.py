"""`hub onboard FILE`: make a dataset of a file, or receive the next delivery of one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer

from catalog import access
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.identity import organizations
from catalog.ledger import opened
from catalog.store import database
from cli.batch import ASKED, commands
from cli.terminal.identity import subject
from cli.terminal.language import language, said
from cli.terminal.prompts import Told, UnusableAnswer, ask, progress
from contracts.clock import today
from contracts.errors import HubError
from contracts.inference import naming
from contracts.inference.beside import ALL
from contracts.inference.divisions import PREFIX
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
from contracts.inference.grid import header_rows
from contracts.model import Contract
from warehouse.foreign import door, files
from warehouse.ingest.deliver import Delivered, deliver
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.onboarding import draft
from warehouse.readers import column_match
from warehouse.readers.archive import INSIDE
from warehouse.settings import Settings
from warehouse.storage import landing

FIRST_DIVISIONS = 1980
"""Year of the first table of GB/T 2260."""
NOT_LOADED = ("refused", "returned", "held")


class StillGrowing(HubError):
    """The file changed while it was looked at."""


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
    told = Told(
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
            _onboard(told, settings)
            return
        except Undecided as open_question:
            ask(told, open_question)


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


def _onboard(told: Told, settings: Settings) -> None:
    """One try, with what is known now."""
    _check(told)
    before = _stamp(told.file)
    with database.session(settings.catalog_database) as session:
        who = subject(session)
        owner = organizations.get(session, told.owner).id if told.owner else organizations.own(session).id
        name, title = _name(told)
        contract = _active(session, name)
        decision = access.require(session, who, "deliver" if contract else "manage-contract", _resource(session, name))
    with opened(settings.catalog_database) as (ledger, lookups), progress() as tell:
        new = contract is None
        if contract is None:
            drafted = _draft(told, settings, lookups, name, title, owner, tell)
            contract, evidence = drafted.contract, drafted.evidence
            if _stamp(told.file) != before:
                raise StillGrowing(
                    f"{told.file.name} 还在变化，没有入库任何数据。请等文件写完后再运行。",
                    f"{told.file.name} is still changing; nothing was loaded. Run this again when the file is whole.",
                )
            _register(settings, drafted, who.login)
        else:
            evidence = _compare(told, settings, ledger, contract)
        tell("load", 0, 1)
        done = deliver(
            settings, ledger, lookups, told.file, dataset=name, contract=contract, received_by=who.login,
            route=str(contract.catalogue.get("route", "")), organization_id=contract.owner or None,
        )  # fmt: skip
    _record(settings, who, decision.policies, name, told, done, new)
    _tell(told, settings, contract, done, evidence, new)


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _check(told: Told) -> None:
    """Refuse answers that mean nothing, before anything is read."""
    told.answers()
    if told.dataset and not naming.NAME.fullmatch(told.dataset):
        raise UnusableAnswer(
            f"数据集名 {told.dataset} 应为小写字母、数字、下划线，以字母开头。",
            f"A dataset's name is small letters, digits and _: {told.dataset}.",
        )
    header_rows(told.reading.get("header", ""))


def _name(told: Told) -> tuple[str, str]:
    """Name and title of the dataset, from the file's name and the part of it that was chosen."""
    part = told.reading.get("sheet", "")
    part = "" if part == ALL else part
    if "records" in told.reading:
        part = told.reading["records"].rpartition(".")[2].strip("$")
    file = PurePath(told.reading["member"].rpartition(INSIDE)[2]).name if "member" in told.reading else told.file.name
    title = naming.dataset_title(file, part)
    return told.dataset or naming.dataset_name(title), told.title or title


def _active(session: Any, name: str) -> Contract | None:
    try:
        return registry.active(session, name)
    except registry.UnknownContract:
        return None


def _resource(session: Any, name: str) -> Any:
    with suppress(HubError):
        return resources.get(session, name)
    return None


def _draft(
    told: Told, settings: Settings, lookups: Lookups, name: str, title: str, owner: str, tell: draft.Progress
) -> files.Draft:
    key = None if not told.key else () if told.key == "none" else tuple(part.strip() for part in told.key.split(","))
    divisions = _codes(lookups, "division")
    past = {year: codes for year in range(FIRST_DIVISIONS, today().year + 1) if (codes := _codes(lookups, f"{PREFIX}{year}"))}
    request = draft.Request(told.file, name, title, owner, told.file.name, told.reading, told.answers(), key, divisions, past)
    return files.draft_contract(request, settings, tell)


def _codes(lookups: Lookups, name: str) -> tuple[str, ...]:
    with suppress(KeyError, HubError):
        return tuple(lookups.codes(name))
    return ()


def _register(settings: Settings, drafted: files.Draft, login: str) -> None:
    """The draft as a file that a steward edits, and as the active contract; its entry waits for the steward."""
    folder = settings.root / "contracts"
    folder.mkdir(exist_ok=True)
    contract = drafted.contract
    (folder / f"{contract.dataset}.odcs.yaml").write_text(contract.text, encoding="utf-8")
    (folder / f"{contract.dataset}.profile.md").write_text(drafted.report, encoding="utf-8")
    with database.session(settings.catalog_database) as session:
        registry.register(session, contract, by=login, origin="onboard", state="draft")


def _compare(told: Told, settings: Settings, ledger: Ledger, contract: Contract) -> tuple[Evidence, ...]:
    """See that a file is the next delivery of a dataset; ask where it may be another."""
    if contract.catalogue.get("library", "resource") != "resource":
        raise UnusableAnswer(
            f"{contract.dataset} 是由模型生成的表，不接收文件；请用 --dataset 另起名称。",
            f"{contract.dataset} is made by a model and takes no file; give another name with --dataset.",
        )
    history = ledger.history(contract.dataset)
    with told.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest in {entry.receipt.sha256 for entry in history}:
        return ()
    columns = files.columns_of(told.file, {**contract.reading, **told.reading}, settings, name=told.file.name)
    match = column_match.match(contract, columns)
    missing, extra = [item.title for item in match.missing], list(match.extra)
    same_name = told.file.name in {entry.receipt.filename for entry in history} or not history
    if (missing or extra) and not told.dataset:  # told by name, the delivery itself asks what is open
        raise Undecided((_another(told, contract, missing, extra),))
    if not same_name and not told.dataset:
        raise Undecided((_next_delivery(told, contract),))
    left = Evidence(
        f"契约之外的列未入库：{'、'.join(extra)}", f"columns outside the contract are not loaded: {', '.join(extra)}"
    )
    return (left,) if extra else ()


def _another(told: Told, contract: Contract, missing: list[str], extra: list[str]) -> Question:
    evidence = []
    if missing:
        evidence.append(Evidence(f"缺少列：{'、'.join(missing[:20])}", f"columns missing: {', '.join(missing[:20])}"))
    if extra:
        evidence.append(Evidence(f"多出列：{'、'.join(extra[:20])}", f"columns too many: {', '.join(extra[:20])}"))
    new = Choice(_free_name(contract), Said("作为另一个数据集", "make it a dataset of its own"))
    keep = Choice(
        contract.dataset, Said("仍交给该数据集，多出的列不入库", "deliver it to that dataset without the extra columns")
    )
    question = Said(
        f"已有数据集 {contract.dataset}（{contract.title}），但列不同；若要改契约，请编辑后用 hub contracts sync 装入更高版本",
        f"There is a dataset {contract.dataset} ({contract.title}) with other columns; "
        "to change its contract, edit it and sync a higher version",
    )
    return Question("--dataset", question, (new,) if missing else (new, keep), tuple(evidence), free=True)


def _next_delivery(told: Told, contract: Contract) -> Question:
    question = Said(
        f"{told.file.name} 与数据集 {contract.dataset}（{contract.title}）列相同：是它的下一次交付吗？",
        f"{told.file.name} has the columns of {contract.dataset} ({contract.title}): is it that dataset's next delivery?",
    )
    choices = (
        Choice(contract.dataset, Said("是，交付给该数据集", "yes, deliver it")),
        Choice(_free_name(contract), Said("不是，另建数据集", "no, make a dataset of its own")),
    )
    return Question("--dataset", question, choices, free=True)


def _free_name(contract: Contract) -> str:
    return f"{contract.dataset[:58]}_2"


def _record(settings: Settings, who: Any, policies: tuple[str, ...], name: str, told: Told, done: Delivered, new: bool) -> None:
    """The audit record of the command; a repeat that changed nothing is on record too."""
    outcome = done.outcome
    detail = {
        "file": told.file.name, "batch": done.batch_id, "new_dataset": new, "no_op": done.no_op, "state": outcome.state,
        "received": outcome.received, "accepted": outcome.accepted, "quarantined": outcome.quarantined,
    }  # fmt: skip
    with database.session(settings.catalog_database) as session:
        audit.record(
            session, actor=who.login, action="dataset.onboard", object=name, policies=policies, detail=detail,
            outcome="failed" if outcome.state in NOT_LOADED else "done", organization_id=who.organization_id or "",
        )  # fmt: skip


def _tell(
    told: Told, settings: Settings, contract: Contract, done: Delivered, evidence: tuple[Evidence, ...], new: bool
) -> None:
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
    if told.as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        _print(contract, done, evidence, path, new)
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
    received, accepted, kept = (f"{n:,}" for n in (outcome.received, outcome.accepted, outcome.quarantined))
    typer.secho(
        said(
            f"{contract.dataset}：收到 {received} = 入库 {accepted} + 隔离 {kept}（批次 {done.batch_id}）",
            f"{contract.dataset}: received {received} = accepted {accepted} + quarantined {kept} (batch {done.batch_id})",
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
