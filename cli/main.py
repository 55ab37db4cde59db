"""`hub`: every verb of the hub, each group in a module of its own, imported only when it is asked for.

To add a verb: a function or a Typer group in a module of `cli/`, and a line in VERBS.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.terminal import context
from cli.terminal.language import language, said
from contracts.errors import HubError

YOUNG_OBJECTS = 50_000
"""Objects made before the garbage collector looks, instead of 700; the catalogue's modules are twice as many."""


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is found ("module:function" or "module:typer group") and its line in the manual."""

    target: str
    chinese: str
    english: str

    def load(self) -> Any:
        """Import the verb and make its command (Any: typer carries its own click, whose types it does not publish)."""
        module, _, name = self.target.partition(":")
        command = getattr(importlib.import_module(module), name)
        if isinstance(command, typer.Typer):
            return typer.main.get_command(command)
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        single.command()(command)
        return typer.main.get_command(single)


VERBS: dict[tuple[str, str], dict[str, Verb]] = {
    ("开始", "Begin"): {
        "init": Verb(
            "cli.init:init",
            "准备 HUB_HOME：目录库、数据湖、密钥、码表、节假日历",
            "Make HUB_HOME ready: catalogue, lake, keys, code lists, calendar",
        ),
        "upgrade": Verb(
            "cli.upgrade:upgrade",
            "把旧版本的 HUB_HOME 升级到本版本，并核对",
            "Bring a home of an earlier version to this one, and count it",
        ),
        "demo": Verb("demo.command:demo", "装入演示数据并跑通三条途径", "Load the demo pack and run its three routes"),
        "serve": Verb("cli.serve:serve", "启动门户、接口与 Delta Sharing", "Serve portal, API and Delta Sharing"),
        "work": Verb(
            "cli.work:work",
            "运行定时与感知任务；--ui 打开 Dagster 页面",
            "Run schedules and sensors; --ui adds Dagster's pages",
        ),
        "doctor": Verb(
            "cli.doctor:doctor", "检查本安装有何问题，如何修", "Say what is wrong with this installation and how to mend it"
        ),
    },
    ("登录", "Sign in"): {
        "login": Verb(
            "cli.login:login", "用密钥登录，此后以本人身份办理", "Sign in with a key, and act as yourself from then on"
        ),
        "logout": Verb("cli.login:logout", "退出登录", "Sign out"),
        "whoami": Verb("cli.login:whoami", "现在以谁的身份办理", "Who acts here now"),
    },
    ("获取数据", "Get data"): {
        "onboard": Verb(
            "cli.onboard:onboard",
            "由一个文件建数据集：识别、拟契约、检查、入库",
            "Make a dataset of a file: detect, draft a contract, check, load",
        ),
        "contracts": Verb(
            "cli.contracts:app",
            "契约：检查、装入、登记、比较、生效、显示",
            "Contracts: lint, sync, save, compare, activate, show",
        ),
        "explain": Verb(
            "cli.explain:explain",
            "解释一个值：符合哪些规则，不符合的为什么",
            "Explain a value: which rules it meets, and why not",
        ),
        "entry": Verb("cli.entry:app", "目录条目：查看、编辑、发布、撤回", "Catalogue entries: show, edit, publish, withdraw"),
        "run": Verb("cli.run:app", "立即运行途径与模型", "Run routes and models now"),
        "need": Verb(
            "cli.needs:app",
            "需求：提出、同意、发出、补正、答复、争议",
            "Needs: enter, consent, send, complete, answer, dispute",
        ),
        "agreement": Verb(
            "cli.agreements:app",
            "协议：列出、查看、签订、催办、更改、续签、终止",
            "Agreements: list, show, sign, remind, change, renew, end",
        ),
        "channel": Verb("cli.channels:app", "通道：测试连接", "Channels: test the connection"),
        "attempts": Verb(
            "cli.attempts:attempts", "各通道的收取记录：成败与原因", "What came of each look at a channel, and why"
        ),
        "models": Verb(
            "cli.models:app", "主题库与专题库的模型：列出、建成、来源", "Theme and topic models: list, build, sources"
        ),
        "batch": Verb(
            "cli.batch:app",
            "批次：列出、查看、送交、导出隔离行、撤销、搁置",
            "Batches: list, show, deliver, export quarantine, undo, discard",
        ),
        "rebuild": Verb(
            "cli.batch:rebuild", "按现行契约由落地文件重建数据集", "Build a dataset anew from landing under its active contract"
        ),
    },
    ("使用数据", "Use data"): {
        "sql": Verb("cli.sql:sql", "在您的权限内用 SQL 提问", "Ask in SQL, under your rights"),
        "search": Verb("cli.search:search", "按词语、代码、单位查找资源", "Find resources by words, codes and organizations"),
        "lineage": Verb("cli.lineage:show", "数据集或信息项的来龙去脉", "What a dataset or item comes from and feeds"),
    },
    ("共享数据", "Share data"): {
        "release": Verb("cli.release:app", "版本：发布、列出、比较、召回", "Versions: publish, list, compare, recall"),
        "grant": Verb("cli.share:grant", "授权", "Give a right"),
        "revoke": Verb("cli.share:revoke", "收回授权", "Take a right away"),
        "grants": Verb("cli.share:grants", "列出授权", "List rights given"),
        "profile": Verb("cli.share:profile", "写 Delta Sharing 配置文件", "Write a Delta Sharing profile file"),
    },
    ("管理", "Administer"): {
        "account": Verb("cli.account:app", "本人账户：更改密码", "Your own account: change the password"),
        "jobs": Verb("cli.jobs:app", "任务：列出、查看、取消", "Jobs: list, show, cancel"),
        "people": Verb("cli.people:app", "人员、角色、密钥、密码", "People, roles, keys and passwords"),
        "pack": Verb(
            "cli.pack:app",
            "包：安装、列出、停用一个领域的契约与模型",
            "Packs: add, list, remove a domain's contracts and models",
        ),
        "organizations": Verb("cli.organizations:app", "单位", "Organizations"),
        "calendar": Verb(
            "cli.calendar:app", "节假日历：列出、导入一年、更正一天", "Working days: list, import a year, set a day right"
        ),
        "audit": Verb("cli.audit:app", "审计链：列出、封存、校验", "The audit chain: list, seal, verify"),
        "lake": Verb("cli.lake:app", "数据湖：状态与维护", "The lake: status and maintenance"),
        "backup": Verb(
            "cli.backup:backup",
            "不停机备份目录库、数据湖与落地文件",
            "Take catalogue, lake and landing together, while serving",
        ),
        "restore": Verb("cli.backup:restore", "由备份恢复到空的 HUB_HOME", "Restore a backup into an empty HUB_HOME"),
    },
}
"""The manual's chapters and their verbs."""


class Verbs(TyperGroup):
    """Verbs by name; the manual is printed without importing any of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the manual's order."""
        return [name for chapter in VERBS.values() for name in chapter]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a verb, imported now."""
        for chapter in VERBS.values():
            if cmd_name in chapter:
                command = chapter[cmd_name].load()
                command.name = cmd_name
                return command
        return None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The manual's first page."""
        from cli.terminal.manual import manual

        manual(VERBS)


app = typer.Typer(
    name="hub",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(ctx: typer.Context, key: Annotated[str, typer.Option("--as", metavar="KEY", envvar="HUB_AS")] = "") -> None:
    """Options that every verb understands."""
    from warehouse.settings import Settings

    context.key.set(key)
    if not Settings().local_acts:
        from cli.terminal.identity import require_key

        require_key(ctx.invoked_subcommand or "")


def main() -> Any:
    """Entry point of the `hub` command: errors for people come without a traceback, with status 1."""
    _collect_seldom()
    os.umask(os.umask(0o077) | 0o007)  # nothing the hub makes is for every user of the machine
    verbs = {name for chapter in VERBS.values() for name in chapter}
    context.verb.set(next((word for word in sys.argv[1:] if word in verbs), ""))
    try:
        with _limited():
            return app()
    except UnicodeEncodeError:  # a word of the command line whose bytes are no UTF-8
        sentence = said("命令中有无法识别的字符；请用 UTF-8。", "The command holds bytes that are not UTF-8.")
        typer.secho(sentence, fg="red", err=True)
        return sys.exit(1)
    except HubError as error:
        _on_record(error)
        typer.secho(error.said(language()), fg="red", err=True)
        return sys.exit(1)


def _collect_seldom() -> None:
    """What a verb imports is no garbage: looking through it took 0.05 s at the start, and 0.1 s once more at the end."""
    gc.set_threshold(YOUNG_OBJECTS)
    atexit.register(gc.freeze)


@contextmanager
def _limited() -> Iterator[None]:
    """A question may be anything, and some functions make strings that DuckDB does not count: its process fails alone."""
    if "sql" not in sys.argv[1:4]:  # `hub sql`, `hub --as KEY sql`
        yield
        return
    importlib.import_module("cli.sql")  # what it is made of is not counted
    from warehouse.foreign import limits
    from warehouse.settings import Settings, size

    with limits.memory_at_most(size(Settings().reading_memory)):
        yield


def _on_record(error: HubError) -> None:
    """A refusal, or a dead key of ours, goes on record in a transaction of its own: the verb's was rolled back."""
    from catalog.access import Refused
    from catalog.audit import chain as audit
    from catalog.store import database
    from cli.terminal.identity import KeyRefused
    from warehouse.settings import Settings

    dead_key = isinstance(error, KeyRefused) and error.prefix
    if not dead_key and not (isinstance(error, Refused) and not error.on_record):
        return
    detail = {"verb": context.verb.get()}
    with database.session(Settings().catalog_database) as session:
        if isinstance(error, KeyRefused):
            audit.record(session, actor=f"key:{error.prefix}", action="authenticate", outcome="refused", detail=detail)
            return
        assert isinstance(error, Refused)  # noqa: S101 - the only other kind that comes here
        audit.record(
            session,
            actor=error.subject.actor,
            organization_id=error.subject.organization_id,
            action=error.action,
            object=error.thing,
            purpose=error.decision.purpose,
            outcome="refused",
            policies=error.decision.policies,
            detail=detail | error.subject.door,
        )
