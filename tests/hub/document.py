"""docs/acts.md, made from the table of acts and the policies: `python -m tests.hub.document` writes it anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from catalog import access
from catalog.acquisition.agreements import Agreement
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity import people
from hub.acts import ABSENT, Act
from hub.table import ACTS
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

PAGE = Path(__file__).resolve().parents[2] / "docs" / "acts.md"
ROLES = {
    "steward": "steward",
    "provider": "owner",
    "partner": "partner",
    "analyst": "analyst",
    "auditor": "auditor",
    "administrator": "administrator",
}
"""Role: a person of `tests.sharing` who has it."""
HEAD = """# Acts

Everything that can be done in the hub, by which door, and who may. Made from the table of acts (`hub/`) and the policies
(`catalog/access/policies`) by `python -m tests.hub.document`; a test fails where it is not what they say.

Each act is one function: it decides, does it, and leaves one record of that name in the audit, whichever door it came by; a
refusal leaves one, too. A door that an act lacks says why. At the API an act that takes JSON, asked for twice under one
`Idempotency-Key`, is done once. A provider's column is about its own data, a partner's about others'. Everybody revokes
their own keys and ends their own sessions (policy `own-account`). An act of the portal
alone is asked for in a session begun with a password.

"""

READINGS = (
    # what, record, API, command, portal
    ("search the catalogue 查找资源", "none: only what its reader may know of is there", "GET /resources", "search", "/"),
    ("see an entry 查看目录条目", "none", "GET /resources/{name}", "entry show", "/resources/{name}"),
    ("see lineage 查看血缘", "none", "GET /resources/{name}/lineage", "lineage", "/resources/{name}/lineage"),
    (
        "see quality 查看质量",
        "none",
        "GET /resources/{name}/quality",
        "— in the portal and the API",
        "/resources/{name}/quality",
    ),
    (
        "read rows 读取数据",
        "`read-rows`; in the portal `preview`",
        "GET /resources/{name}/rows",
        "sql",
        "/resources/{name}/preview",
    ),
    ("look a row up 按主键查询", "`read-rows`", "GET /resources/{name}/rows/{key}", "sql", "— in the preview"),
    (
        "download a version 下载版本",
        "`download`",
        "GET /resources/{name}/versions/{version}/files",
        "— a Delta Sharing client",
        "/resources/{name}",
    ),
    ("a profile file 配置文件", "`key.issue`, `own.key`", "— it holds a new key: see `own.key`", "profile", "/account"),
)
"""What is only read, and its doors; who may is decided by the entry, the grant and the purpose."""


def text(hub: Hub) -> str:
    """The page: acts by their module, in its order, whichever was imported first."""
    acts = sorted(ACTS.values(), key=lambda act: act.does.__module__)
    lines = [HEAD + "| act | record | API | command | portal |", "|---|---|---|---|---|"]
    lines += [f"| {act.title[1]} {act.title[0]} | `{act.name}` | {' | '.join(_doors(act))} |" for act in acts]
    lines += ["", "## Who may", "", f"| act | {' | '.join(ROLES)} |", "|---" * (len(ROLES) + 1) + "|"]
    for act in acts:
        cells = [_cell(hub, act, who) for who in ROLES.values()]
        lines.append(f"| `{act.name}` | {' | '.join(cells)} |")
    lines += ["", "## What is read", "", "Who may is decided by the entry, the grant and the purpose named."]
    lines += ["", "| what | record | API | command | portal |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {record} | {' | '.join(_named(*doors))} |" for what, record, *doors in READINGS]
    return "\n".join(lines) + "\n"


def _doors(act: Act) -> list[str]:
    return _named(act.api, act.cli, act.portal)


def _named(api: str, cli: str, portal: str) -> list[str]:
    there = (f"`{api.replace(' /', ' /api/v1/')}`", f"`hub {cli}`", f"`{portal}`")
    return [door if door.startswith(ABSENT) else named for door, named in zip((api, cli, portal), there, strict=True)]


def _cell(hub: Hub, act: Act, who: str) -> str:
    with hub.session() as session:
        subject = people.authenticate(session, hub.keys[who])
        assert subject is not None
        if act.api.startswith(ABSENT):  # of the portal: signed in with a password
            subject, _ = people.begin(session, people.get_person(session, who))
        about = {"resource", "grant", "batch", "sql"} & set(act.takes.model_fields)
        thing: Resource | Agreement | None = resources.get(session, "hazard") if about else None
        if "agreement" in act.takes.model_fields and act.name != "deliver":
            thing = Agreement(id="", route="request", dataset="hazard", title="", purpose="", provider_id="hlj-emergency")
        decision = access.decide(session, subject, act.policy, thing)
    return f"{'✓' if decision.allowed else '✗'} {', '.join(decision.policies) or 'default deny'}"


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "var", _env_file=None)  # type: ignore[call-arg]
        PAGE.write_text(text(built(settings)), encoding="utf-8")
        connection.forget(settings)


if __name__ == "__main__":
    main()
