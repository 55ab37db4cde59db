"""获取数据: what this reader may have of a resource, and lines to copy that were made for their grant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.portal.frame import Page
from catalog import access, releases
from catalog.access import Decision
from catalog.access.grants import Grant
from catalog.resources import Resource
from contracts.model import Contract
from contracts.view import View


@dataclass(frozen=True, slots=True)
class Obtaining:
    """The decision about reading rows, its view, and code for three tools. A key is never printed: $HUI_KEY stands for it."""

    decision: Decision
    items: int = 0
    masked: int = 0
    row_filter: str = ""
    purpose: str = ""
    expires_at: datetime | None = None
    python: str = ""
    duckdb: str = ""
    curl: str = ""
    download: bool = False

    @property
    def allowed(self) -> bool:
        """Whether rows may be read at all."""
        return self.decision.allowed


def obtaining(session: Session, page: Page, resource: Resource, contract: Contract | None) -> Obtaining:
    """What the reader may have, with lines made for it."""
    if contract is None:
        reason = ("该资源没有契约，尚不能取数", "This resource has no contract; its data cannot be taken yet")
        return Obtaining(Decision(False, (), *reason))
    decision = access.decide(session, page.subject, "read-rows", resource, contract=contract)
    view = decision.view
    if not decision.allowed or view is None:
        return Obtaining(decision)
    grant = session.get(Grant, decision.grant_id) if decision.grant_id else None
    released = releases.latest(session, resource)
    download = access.decide(session, page.subject, "download", resource, contract=contract).allowed
    version = released.version if released else None
    return Obtaining(
        decision,
        len(view.items),
        len(view.masks),
        view.row_filter,
        decision.purpose,
        grant.expires_at if grant else None,
        python(resource, version) if download and version else "",
        duckdb(page.settings.public_url, view, version) if download and version else "",
        curl(page.settings.public_url, view),
        download and version is not None,
    )


def python(resource: Resource, version: int | None) -> str:
    """Lines for the Delta Sharing client: a share for each provider, a schema for each library."""
    pinned = f",\n  version={version}" if version else ""
    table = f"{resource.provider_id}.{resource.library}.{resource.name}"
    return f'import delta_sharing as ds\ndf = ds.load_as_pandas(\n  "hui.share#{table}"{pinned})'


def duckdb(address: str, view: View, version: int | None) -> str:
    """Lines for DuckDB over HTTP: every file of the version, cut for this reader's items and rows."""
    files = f"{address}/api/v1/resources/{view.dataset}/versions/{version}/files"
    return (
        "CREATE SECRET (TYPE http,\n  EXTRA_HTTP_HEADERS MAP {\n    'Authorization': 'Bearer ' || getenv('HUI_KEY')});\n"
        f"SET VARIABLE files = (\n  FROM read_json('{files}')\n  SELECT list(url));\n"
        "FROM read_parquet(getvariable('files'));"
    )


def curl(address: str, view: View) -> str:
    """One request for rows as CSV."""
    return (
        'curl -H "Authorization: Bearer $HUI_KEY" \\\n'
        '  -H "Accept: text/csv" \\\n'
        f"{address}/api/v1/resources/{view.dataset}/rows"
    )
