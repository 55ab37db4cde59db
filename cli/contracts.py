"""`hub contracts`: lint, sync, save, compare, activate and show contracts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.terminal.language import language, said
from cli.terminal.screen import Screen
from contracts.errors import HubError
from contracts.model import Contract

if TYPE_CHECKING:
    from contracts.odcs import loader as linting
    from contracts.odcs.compare import ContractComparison

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Lint, sync, save, compare, activate and show contracts (ODCS 3.1 documents, `*.odcs.yaml`).",
)

SUFFIX = "*.odcs.yaml"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NoContracts(HubError):
    """A place without any contract."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"{place} 中没有契约；契约文件名以 .odcs.yaml 结尾，请核对路径。",
            f"{place} has no contract; contract files end in .odcs.yaml, check the path.",
        )


def files(places: Iterable[Path]) -> list[Path]:
    """Contract files: a file counts as it is, a folder with every *.odcs.yaml below it."""
    paths: list[Path] = []
    for place in places:
        below = sorted(place.rglob(SUFFIX)) if place.is_dir() else [place]
        if not below:
            raise NoContracts(place)
        paths += below
    return paths


@app.command()
def lint(
    places: Annotated[list[Path], typer.Argument(help="Files, or folders with *.odcs.yaml.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with contracts: file, line, column, and what to write instead. Status 1 if anything is.

    **Example:** `hub contracts lint library/contracts`
    """
    from contracts.odcs import loader as linting  # here, for the start: tests/cli/test_start.py

    findings: list[linting.ContractFinding] = []
    good = 0
    for path in files(places):
        try:
            linting.read(path)
            good += 1
        except linting.InvalidContract as error:
            findings += error.findings
    if as_json:
        typer.echo(json.dumps([_finding(f) for f in findings], ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo(finding.said(language()))
        bad = len({f.source for f in findings})
        typer.echo(said(f"{good} 个契约无误，{bad} 个有误", f"{good} contracts are right, {bad} are wrong"))
    if findings:
        raise typer.Exit(1)


def _finding(finding: linting.ContractFinding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__slots__}


@app.command()
def sync(
    folder: Annotated[
        Path, typer.Argument(help="A folder with *.odcs.yaml, codes.yaml, classes.yaml.", exists=True, file_okay=False)
    ],
    as_json: AsJson = False,
    tables: Annotated[bool, typer.Option(help="Migrate or rebuild the tables of changed contracts too.")] = True,
) -> None:
    """Load a folder of contracts into the catalogue and activate them; an additive version migrates its table, a breaking one
    rebuilds it from landing.

    **Example:** `hub contracts sync library/contracts`
    """
    from catalog import access
    from catalog.audit import chain as audit
    from catalog.entries import contracts as registry
    from catalog.entries import resources
    from catalog.store import database
    from cli.terminal.identity import subject
    from warehouse.settings import Settings

    settings = Settings()
    with database.session(settings.catalog_database) as session:
        who = subject(session)
        access.require(session, who, "manage-contract", None)
        report = registry.sync(session, folder, who.actor)
        detail = {"contracts": len(report.contracts), "migrate": report.to_migrate, "rebuild": report.to_rebuild}
        audit.record(session, actor=who.actor, action="contracts.sync", object=str(folder), detail=detail | who.door)
        drafts = resources.kept_back(session, [one.dataset for one in report.contracts])
    if tables:
        _bring_tables_up(report.contracts)
    if as_json:
        outcomes = [
            _synced(s) | {"draft": drafts[s.dataset].message_en if s.dataset in drafts else ""} for s in report.contracts
        ]
        typer.echo(json.dumps(outcomes, ensure_ascii=False))
        return
    table = Table(*(said(*h) for h in (("数据集", "dataset"), ("版本", "version"), ("结果", "outcome"), ("数据表", "table"))))
    for one in report.contracts:
        table.add_row(one.dataset, one.version, said(*OUTCOMES[one.outcome]), said(*ACTIONS[one.action]))
    Screen().print(table)
    lists = len(report.code_lists)
    for draft in drafts.values():
        typer.secho(said(f"条目仍为草稿：{draft.message}", f"The entry is a draft still: {draft.message_en}"), fg="yellow")
    typer.echo(said(f"代码表 {lists} 个，代码 {report.codes} 条", f"{lists} code lists, {report.codes} codes"))


OUTCOMES = {
    "new": ("新增", "new"),
    "changed": ("新版本", "new version"),
    "same": ("无变化", "same"),
    "waiting": ("存为草稿：现行版本由人修改过", "kept as a draft: a person wrote the one in force"),
    "kept": ("未载入：同版本号已由人登记", "left out: a person saved a version of that number"),
}
ACTIONS = {
    "create": ("首次交付时建立", "made by the first delivery"),
    "migrate": ("已迁移", "migrated"),
    "rebuild": ("已重建", "rebuilt"),
    "none": ("—", "—"),
}


def _synced(one: Any) -> dict[str, Any]:
    changes = [{"breaking": b, "why": zh, "why_en": en} for b, zh, en in one.changes]
    return {
        "dataset": one.dataset,
        "version": one.version,
        "before": one.before,
        "outcome": one.outcome,
        "action": one.action,
        "changes": changes,
    }


def _bring_tables_up(synced: Iterable[Any]) -> None:
    """Tables of changed contracts: an additive one is altered, a breaking one made anew from landing."""
    from catalog.ledger import opened
    from warehouse.settings import Settings

    changed = [one for one in synced if one.action in ("migrate", "rebuild")]
    if not changed:
        return
    from warehouse.ingest.rebuild import migrate, rebuild

    settings = Settings()
    with opened(settings.catalog_database) as (ledger, lookups):
        for one in changed:
            if one.action == "migrate":
                migrate(settings, lookups.contract(one.dataset, one.before), lookups.contract(one.dataset))
            else:
                rebuild(settings, ledger, lookups, one.dataset)


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="The contract: an ODCS 3.1 document.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Keep a version of a contract as a draft, not in force; compare it, then `hub contracts activate` it.

    **Example:** `hub contracts save enterprise_registration.odcs.yaml`
    """
    from cli.terminal.identity import acting
    from contracts.odcs import loader as linting
    from hub import acts
    from hub import contracts as hub_contracts

    text = linting.read(file).text
    saved = hub_contracts.save(*acting(), acts.given(hub_contracts.SaveContract, text=text))
    if as_json:
        typer.echo(saved.model_dump_json())
        return
    breaks = said("；有破坏性变化", "; it breaks what is there") if saved.breaking else ""
    typer.echo(
        said(f"已登记草稿 {saved.resource} {saved.version}", f"Saved the draft {saved.resource} {saved.version}") + breaks
    )


@app.command("compare")
def compare_versions(
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    version: Annotated[str, typer.Argument(help="The newer version.")],
    against: Annotated[str, typer.Option(help="The older version; default: the one in force.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a kept version changes, whether it breaks, and whom that concerns. Status 1 if it does.

    **Example:** `hub contracts compare enterprise_registration 1.1.0`
    """
    from cli.terminal.identity import acting
    from contracts.odcs.compare import Change, ContractComparison
    from hub import acts
    from hub import contracts as hub_contracts

    request = acts.given(hub_contracts.CompareContract, resource=dataset, version=version, against=against)
    compared = hub_contracts.compare(*acting(), request)
    if as_json:
        typer.echo(compared.model_dump_json())
    else:
        changes = [Change(c.kind, c.path, c.breaking, c.why, c.why_en, c.old, c.new) for c in compared.changes]
        _print_changes(ContractComparison(tuple(changes)), compared.against)
        for one in compared.concerned:
            typer.echo(said("· 涉及 ", "· concerns ") + said(one.title, one.title_en or one.title))
    if compared.breaking:
        raise typer.Exit(1)


@app.command()
def activate(
    dataset: Annotated[str, typer.Argument(help="The dataset.")],
    version: Annotated[str, typer.Argument(help="The version that is to be in force.")],
    breaking: Annotated[bool, typer.Option("--breaking", help="Breaking changes are meant.")] = False,
    reason: Annotated[str, typer.Option(help="Why; needed where it breaks.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put a kept version in force: an additive one alters the table, a breaking one rebuilds it from landing.

    **Example:** `hub contracts activate enterprise_registration 1.1.0`
    """
    from cli.terminal.identity import acting
    from hub import acts
    from hub import contracts as hub_contracts

    request = acts.given(hub_contracts.ActivateContract, resource=dataset, version=version, breaking=breaking, reason=reason)
    active = hub_contracts.activate(*acting(), request)
    if as_json:
        typer.echo(active.model_dump_json())
        return
    table = said(*ACTIONS[active.table])
    typer.echo(
        said(
            f"{dataset} {version} 已生效；数据表：{table}，重新入库 {active.batches} 批",
            f"{dataset} {version} is in force; its table: {table}, {active.batches} batches loaded again",
        )
    )


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A file, or DATASET[@VERSION] of the catalogue.")],
    new: Annotated[str, typer.Argument(help="The same; the newer one.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed between two versions of a contract, whether it breaks, and why. Status 1 if it does.

    **Example:** `hub contracts diff enterprise_registration enterprise_registration.odcs.yaml`
    """
    from contracts.odcs.compare import compare

    before, after = _find(old), _find(new)
    comparison = compare(before, after)
    if as_json:
        typer.echo(json.dumps(_compared(comparison, before), ensure_ascii=False))
    else:
        _print_changes(comparison, before.version)
    if comparison.breaking:
        raise typer.Exit(1)


def _compared(comparison: ContractComparison, before: Contract) -> dict[str, Any]:
    changes = [{name: getattr(c, name) for name in c.__slots__} for c in comparison.changes]
    return {"breaking": comparison.breaking, "next_version": comparison.next_version(before.version), "changes": changes}


def _print_changes(comparison: ContractComparison, before: str) -> None:
    if comparison.same:
        typer.echo(said("没有变化", "Nothing changed"))
        return
    table = Table(*(said(*h) for h in (("破坏", "breaks"), ("位置", "where"), ("由", "from"), ("到", "to"), ("原因", "why"))))
    for change in comparison.changes:
        mark = said("是", "yes") if change.breaking else said("否", "no")
        table.add_row(mark, change.path, change.old[:40], change.new[:40], said(change.why_zh, change.why_en))
    Screen().print(table)
    wanted = comparison.next_version(before)
    if comparison.breaking:
        typer.echo(
            said(f"有破坏性变化：版本应为 {wanted}，数据由落地文件重建", f"It breaks: version {wanted}, rebuilt from landing")
        )
    else:
        typer.echo(
            said(f"只有兼容变化：版本应为 {wanted}，数据表直接迁移", f"It only adds: version {wanted}, the table is altered")
        )


def _find(name: str) -> Contract:
    """A contract by file, or by DATASET[@VERSION] in the catalogue."""
    from contracts.odcs import loader as linting

    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return linting.read(path)
    from catalog import access
    from catalog.entries import contracts as registry
    from catalog.entries import resources
    from catalog.store import database
    from cli.terminal.identity import subject
    from warehouse.settings import Settings

    dataset, _, version = name.partition("@")
    with database.session(Settings().catalog_database) as session:
        access.require(session, subject(session), "read-metadata", resources.get(session, dataset))
        return registry.get(session, dataset, version or None)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A file, or DATASET[@VERSION] of the catalogue.")],
    text: Annotated[bool, typer.Option("--text", help="Print the document itself.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a contract: its items, what is asked of each, and what is asked of a delivery.

    **Example:** `hub contracts show enterprise_registration`
    """
    from contracts.checks.compile import compile

    contract = _find(name)
    if text:
        typer.echo(contract.text)
        return
    if as_json:
        typer.echo(json.dumps(_told(contract), ensure_ascii=False))
        return
    typer.echo(f"{contract.title} {contract.dataset} {contract.version} · {contract.delivery} · {contract.owner}")
    typer.echo(said(contract.description, contract.description_en or contract.description))
    table = Table(
        *(said(*h) for h in (("信息项", "item"), ("名称", "title"), ("类型", "type"), ("级别", "grade"), ("检查", "checks")))
    )
    checks = compile(contract)
    for item in contract.items:
        rules = [said(*c.describe()) for c in checks if c.item == item.name]
        key = f" ({said('主键', 'key')} {item.key})" if item.key else ""
        table.add_row(item.name + key, said(item.title, item.title_en or item.title), item.type, item.grade, "\n".join(rules))
    Screen().print(table)
    for check in checks:
        if not check.item:
            typer.echo("· " + said(*check.describe()))


def _told(contract: Contract) -> dict[str, Any]:
    from contracts.checks.compile import compile

    checks = [
        {"rule": c.rule, "item": c.item, "dimension": c.dimension, "zh": c.describe()[0], "en": c.describe()[1]}
        for c in compile(contract)
    ]
    return {
        "dataset": contract.dataset,
        "version": contract.version,
        "title": contract.title,
        "delivery": contract.delivery,
        "key": contract.key,
        "items": [{"name": i.name, "title": i.title, "type": i.type, "grade": i.grade} for i in contract.items],
        "checks": checks,
    }
