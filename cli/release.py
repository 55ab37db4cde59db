"""`hub release`: publish a version of a resource, list, compare and recall versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.releases import releases
from catalog.releases.releases import Release
from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, allowed, as_json, size, table
from cli.terminal.screen import Screen
from contracts.clock import local
from hub import acts
from hub import releases as acting_on
from hub.releases import Publish, Recall
from warehouse.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Versions: a released version is a pinned snapshot of the lake, the same for ever.",
)
Name = Annotated[str, typer.Argument(metavar="RESOURCE", help="Name of the resource.")]


@app.command()
def publish(
    resource: Name,
    note: Annotated[str, typer.Option(help="What is new, for those who use it.")] = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Publish what the table holds now as the resource's next version, and say how it differs from the last one.

    **Example:** `hub release publish enterprise_registration --note "2026 年第一季度"`
    """
    hub, who = acting(key)
    with Screen(stderr=True).status(said(f"正在发布 {resource} …", f"Publishing {resource} …")):
        version = acting_on.publish(hub, who, acts.given(Publish, resource=resource, note=note)).model_dump(mode="json")
    if json:
        as_json(version)
        return
    added, changed, removed = (version[name] for name in ("added", "changed", "removed"))
    differs = said("首个版本", "the first version") if added is None else f"+{added:,} ~{changed:,} -{removed:,}"
    typer.echo(
        f"{resource} v{version['version']}: {version['rows']:,} {said('行', 'rows')}, {size(version['bytes'])}, {differs}"
    )


@app.command("list")
def listing(resource: Name, key: Key = "", json: AsJson = False) -> None:
    """List the versions of a resource, newest first, recalled ones too."""
    settings = Settings()
    allowed(settings, "read-metadata", resource, key)
    with database.session(settings.catalog_database) as session:
        listed = [told(release) for release in releases.listed(session, resources.get(session, resource))]
    if json:
        as_json(listed)
        return
    columns = (
        ("版本", "Version"),
        ("行", "Rows"),
        ("字节", "Bytes"),
        ("新增", "Added"),
        ("更新", "Changed"),
        ("移除", "Removed"),
    )
    more = (("质量", "Quality"), ("发布", "Released"), ("说明", "Note"), ("召回", "Recalled"))
    lines = [
        [
            v["version"], v["rows"], size(v["bytes"]), v["added"], v["changed"], v["removed"], v["quality"],
            f"{local(datetime.fromisoformat(v['released_at'])):%Y-%m-%d %H:%M}", v["note"], v["recall_reason"],
        ]
        for v in listed
    ]  # fmt: skip
    table((f"{resource} 的版本", f"Versions of {resource}"), (*columns, *more), lines)


@app.command()
def diff(
    resource: Name,
    old: Annotated[int, typer.Argument(metavar="FROM", help="Older version.")],
    new: Annotated[int, typer.Argument(metavar="TO", help="Newer version.")],
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Count the rows added, changed and removed between any two versions, by the resource's key."""
    from warehouse.serving import diff as publishing  # here, for the start: tests/cli/test_start.py

    settings = Settings()
    allowed(settings, "read-metadata", resource, key)
    with database.session(settings.catalog_database) as session:
        entry, contract = resources.get(session, resource), registry.active(session, resource)
        table_name = f"{entry.library}.{resource}"
        first, second = (releases.get(session, entry, version).snapshot for version in (old, new))
    difference = publishing.difference(settings, table_name, first, second, contract.key)
    if json:
        as_json(
            {
                "resource": resource,
                "from": old,
                "to": new,
                "added": difference.added,
                "changed": difference.changed,
                "removed": difference.removed,
            }
        )
    else:
        typer.echo(f"{resource} v{old} → v{new}: +{difference.added:,} ~{difference.changed:,} -{difference.removed:,}")


@app.command()
def recall(
    resource: Name,
    version: Annotated[int, typer.Argument(help="Number of the version.")],
    reason: Annotated[str, typer.Option(help="Why; kept on record and told to those who ask for it.")] = "",
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Take a version back: it is shared with nobody any more, links already given included."""
    request = acts.given(Recall, resource=resource, version=version, reason=reason)
    taken = acting_on.recall(*acting(key), request)
    if json:
        as_json(taken.model_dump(mode="json"))
    else:
        typer.echo(said(f"{resource} 第 {version} 版已召回。", f"Version {version} of {resource} is recalled."))


def told(release: Release) -> dict[str, Any]:
    """A version as JSON holds it."""
    return release.model_dump(mode="json")
