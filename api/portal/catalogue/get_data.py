"""获取数据: what this reader may have of a resource, and lines to copy that were made for their grant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.portal.shell.page import Page
from api.portal.wording.i18n import N_, Language, say
from catalog import access
from catalog.access import Decision
from catalog.access.grants import Grant
from catalog.entries.resources import Resource, Sharing
from catalog.releases import releases
from contracts.model import Contract
from contracts.view import View

PAGE = 10_000
"""Rows of one request: the most that the rows API gives."""
GETENV = N_("DuckDB 命令行；其他客户端把 getenv('HUI_KEY') 换成密钥")
PAGES = N_("该版本共 %(rows)s 行，每次 %(page)s 行，取完为止")
MENDED_BY_GRANT = frozenset({"grant-expired", "grant-revoked", "purpose-bound", "personal-information", "grade-3-by-name"})
"""Refusals that a grant of the provider ends; every other policy that forbids stays, whatever is granted."""


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
    way: str = ""
    """What a reader who may not yet read the rows can do: "sign-in", "grant", or nothing."""

    @property
    def allowed(self) -> bool:
        """Whether rows may be read at all."""
        return self.decision.allowed


def obtaining(session: Session, page: Page, resource: Resource, contract: Contract | None) -> Obtaining:
    """What the reader may have, with lines made for it."""
    if contract is None:
        reason = ("该资源没有契约，尚不能取数", "This resource has no contract; its data cannot be taken yet")
        return Obtaining(Decision(False, (), *reason), way="" if page.known else "sign-in")
    decision = access.decide(session, page.subject, "read-rows", resource, contract=contract)
    view = decision.view
    if not decision.allowed or view is None:
        return Obtaining(decision, way=way(page, resource, decision))
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
        duckdb(page.language, page.settings.public_url, view, version) if download and version else "",
        curl(page.language, page.settings.public_url, view, version, released.rows if released else resource.rows),
        download and version is not None,
    )


def way(page: Page, resource: Resource, decision: Decision) -> str:
    """What opens the rows to a reader who was refused: signing in, a grant, or nothing that they or the provider could do."""
    if not page.known:
        return "sign-in" if resource.sharing == Sharing.UNCONDITIONAL else "grant" if _grantable(resource) else ""
    return "grant" if _grantable(resource) and MENDED_BY_GRANT.issuperset(decision.policies) else ""


def _grantable(resource: Resource) -> bool:
    return resource.sharing != Sharing.NOT_SHARED and resource.state == "published" and resource.category == "general"


def python(resource: Resource, version: int | None) -> str:
    """Lines for the Delta Sharing client: a share for each provider, a schema for each library."""
    pinned = f",\n  version={version}" if version else ""
    table = f"{resource.provider_id}.{resource.library}.{resource.name}"
    return f'import delta_sharing as ds\ndf = ds.load_as_pandas(\n  "hui.share#{table}"{pinned})'


def duckdb(language: Language, address: str, view: View, version: int | None) -> str:
    """Lines for DuckDB's own shell over HTTP: every file of the version, cut for this reader's items and rows. Its other
    clients have no getenv()."""
    files = f"{address}/api/v1/resources/{view.dataset}/versions/{version}/files"
    return (
        f"-- {say(language, GETENV)}\n"
        "CREATE SECRET (TYPE http,\n  EXTRA_HTTP_HEADERS MAP {\n    'Authorization': 'Bearer ' || getenv('HUI_KEY')});\n"
        f"SET VARIABLE files = (\n  FROM read_json('{files}')\n  SELECT list(url));\n"
        "FROM read_parquet(getvariable('files'));"
    )


def curl(language: Language, address: str, view: View, version: int | None, rows: int) -> str:
    """Lines for a POSIX shell that give all rows: CSV by one request where one holds them, otherwise NDJSON a page at a time,
    each page's mark (X-Next) sent with the next request. The version is named, so that all pages are of the same."""
    source = f"{address}/api/v1/resources/{view.dataset}/rows?limit={PAGE}" + (f"&version={version}" if version else "")
    if rows <= PAGE:
        return f'curl -fsS -H "Authorization: Bearer $HUI_KEY" \\\n  -H "Accept: text/csv" \\\n  "{source}"'
    return (
        f"# {say(language, PAGES, rows=f'{rows:,}', page=f'{PAGE:,}')}\n"
        "next=\nwhile\n"
        '  curl -fsS -H "Authorization: Bearer $HUI_KEY" \\\n'
        '    -H "Accept: application/x-ndjson" -D head.txt \\\n'
        f'    "{source}&after=$next" || break\n'
        "  next=$(tr -d '\\r' < head.txt | awk 'tolower($1) == \"x-next:\" {print $2}')\n"
        '  [ -n "$next" ]\n'
        f"do :; done > {view.dataset}.ndjson"
    )
