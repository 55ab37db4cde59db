"""`hub search`: find resources by words, codes and organizations."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog.search import search as catalogue
from catalog.search.facets import Filters
from catalog.search.search import Hit, Match
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from warehouse.settings import Settings

PLACES = {
    "title": ("名称", "title"),
    "name": ("英文名", "name"),
    "code": ("代码", "code"),
    "organization": ("提供方", "provider"),
    "abstract": ("摘要", "abstract"),
    "item": ("信息项", "item"),
    "label": ("代码项", "code label"),
    "upstream": ("血缘上游", "upstream"),
    "class": ("分类", "class"),
}
WHOLE = ("title", "organization", "abstract", "class")
"""Told by the place alone: the text is long, or stands in the table already."""


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words, a name or a code; none lists everything.")] = None,
    provider: Annotated[list[str] | None, typer.Option(help="Organization.")] = None,
    library: Annotated[list[str] | None, typer.Option(help="resource, theme or topic.")] = None,
    route: Annotated[list[str] | None, typer.Option(help="request, buy, collect or derived.")] = None,
    sharing: Annotated[list[int] | None, typer.Option(help="1 unconditional, 2 conditional, 3 not shared.")] = None,
    page: Annotated[int, typer.Option(min=1)] = 1,
    size: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Entries that hold every word, exact names first, and why each was found.

    **Example:** `hub search 企业登记 --route request`
    """
    filters = Filters(
        provider=tuple(provider or ()), library=tuple(library or ()), route=tuple(route or ()), sharing=tuple(sharing or ())
    )
    with database.session(Settings().catalog_database) as session:
        who = subject(session)
        found = catalogue.search(session, " ".join(words or ()), filters, subject=who, page=page, size=size)
    if as_json:
        typer.echo(json.dumps([_told(hit) for hit in found.hits], ensure_ascii=False))
        return
    heads = (
        ("名称", "title"),
        ("代码", "code"),
        ("表", "table"),
        ("提供方", "provider"),
        ("行数", "rows"),
        ("匹配", "matched"),
    )
    table = Table(*(said(*head) for head in heads))
    table.columns[2].no_wrap = True
    for hit in found.hits:
        one = hit.resource
        why = said("；", "; ").join(dict.fromkeys(_reason(match) for match in hit.matches))
        title, provided = said(one.title, one.title_en or one.title), said(hit.provider, hit.provider_en or hit.provider)
        table.add_row(title, one.code, f"{one.library}.{one.name}", provided, f"{one.rows:,}", why)
    Screen().print(table)
    typer.echo(
        said(
            f"共 {found.total} 项，第 {found.page} / {found.pages} 页",
            f"{found.total} {'entry' if found.total == 1 else 'entries'}, page {found.page} of {found.pages}",
        )
    )


def _reason(match: Match) -> str:
    """Where a word was found; the text itself where it is a short name or code."""
    where = said(*PLACES[match.field])
    reason = where if match.field in WHOLE else f"{where} {match.text}"
    if match.synonym:
        typed, says = match.synonym
        reason += said(f"（同义词：{typed} → {says}）", f" (synonym: {typed} → {says})")
    return reason


def _told(hit: Hit) -> dict[str, Any]:
    one = hit.resource
    return {
        "name": one.name,
        "title": one.title,
        "code": one.code,
        "library": one.library,
        "provider": hit.provider,
        "sharing": one.sharing,
        "rows": one.rows,
        "version": one.last_version,
        "exact": hit.exact,
        "matches": [{"field": match.field, "text": match.text, "synonym": match.synonym} for match in hit.matches],
    }
