"""Questions of `hub onboard`: put on a terminal, or printed with the command that answers them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import typer

from cli.terminal.language import language, said
from contracts.inference.evidence import Question, Undecided
from contracts.inference.guess import ColumnAnswers
from hub import acts
from hub.file_answers import READING, FileAnswers, UnusableAnswer
from warehouse.onboarding.draft import Progress

__all__ = ["Told", "UnusableAnswer", "ask", "progress"]

ASKED = 2
"""Exit status when the file leaves something open and nobody can be asked."""


@dataclass(slots=True)
class Told:
    """Everything told on the command line, and answered since."""

    file: Path
    owner: str = ""
    dataset: str = ""
    title: str = ""
    reading: dict[str, str] = field(default_factory=dict)
    dates: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    decimal: list[str] = field(default_factory=list)
    coordinates: list[str] = field(default_factory=list)
    key: str = ""
    as_json: bool = False

    def answer(self, option: str, value: str) -> None:
        """Take the answer to a question."""
        name = option.removeprefix("--")
        if name in READING:
            self.reading[name] = value
        elif name in {"dates", "decimal", "coordinates"}:
            getattr(self, name).append(value)
        elif name == "type":
            self.types.append(value)
        else:
            setattr(self, name, value)

    def command(self) -> str:
        """The command line that says all this."""
        file = str(self.file)
        parts = ["hub", "onboard", f"./{file}" if file.startswith("-") else file]
        single = {"owner": self.owner, "dataset": self.dataset, "title": self.title, "key": self.key, **self.reading}
        for name, value in single.items():
            parts += _option(name, value) if value else []
        for name, values in (
            ("dates", self.dates),
            ("type", self.types),
            ("decimal", self.decimal),
            ("coordinates", self.coordinates),
        ):
            for value in values:
                parts += _option(name, value)
        return shlex.join([*parts, *(["--json"] if self.as_json else [])])

    def said(self) -> FileAnswers:
        """All of it, as the hub takes it."""
        return acts.given(
            FileAnswers,
            **self.reading,
            dates=self.dates,
            types=self.types,
            decimal=self.decimal,
            coordinates=self.coordinates,
            key=self.key,
            dataset=self.dataset,
            title=self.title,
            owner=self.owner,
        )

    def answers(self) -> ColumnAnswers:
        """The answers about single columns."""
        return self.said().columns()


def _option(name: str, value: str) -> list[str]:
    """An option as words; a value that begins with - is no option of its own."""
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]


def ask(statements: Told, undecided: Undecided) -> None:
    """Ask on a terminal; elsewhere print evidence and the command to run, and end with status 2."""
    for line in undecided.evidence:
        typer.echo(f"  · {line.in_language(language())}", err=True)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        _give_up(statements, undecided)
    for question in undecided.questions:
        _put(question)
        for number, choice in enumerate(question.choices, start=1):
            typer.echo(f"  {number}) {choice.value} — {choice.meaning.in_language(language())}", err=True)
        answer = typer.prompt(said("请选择编号，或直接输入值", "Number of your choice, or a value"), err=True).strip()
        chosen = (
            question.choices[int(answer) - 1].value if answer.isdigit() and 0 < int(answer) <= len(question.choices) else answer
        )
        statements.answer(question.option, chosen)


def _put(question: Question) -> None:
    typer.secho("? " + question.said.in_language(language()), fg="yellow", err=True)
    for line in question.evidence:
        typer.echo(f"  · {line.in_language(language())}", err=True)


def _give_up(statements: Told, undecided: Undecided) -> None:
    commands = []
    for question in undecided.questions:
        _put(question)
        for choice in question.choices:
            typer.echo(
                f"    {question.option} {shlex.quote(choice.value)}  — {choice.meaning.in_language(language())}", err=True
            )
    places = range(max(len(question.choices) for question in undecided.questions))
    for place in places:
        with_answers = replace(
            statements,
            reading=dict(statements.reading),
            dates=[*statements.dates],
            types=[*statements.types],
            decimal=[*statements.decimal],
            coordinates=[*statements.coordinates],
        )
        for question in undecided.questions:
            with_answers.answer(question.option, question.choices[min(place, len(question.choices) - 1)].value)
        commands.append(with_answers.command())
    typer.secho(said("没有入库任何数据。请选择一条命令运行：", "Nothing was loaded. Run one of:"), bold=True, err=True)
    for command in commands:
        typer.echo(f"  {command}", err=True)
    if statements.as_json:
        open_questions = [
            {"option": q.option, "question": q.said.in_language(language()), "choices": [c.value for c in q.choices]}
            for q in undecided.questions
        ]
        typer.echo(json.dumps({"undecided": open_questions, "commands": commands}, ensure_ascii=False))
    raise typer.Exit(ASKED)


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on standard error, from the second second on."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from cli.terminal.screen import Screen

    words = {"read": ("读取", "read"), "profile": ("逐列分析", "profile"), "load": ("检查入库", "check and load")}
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Screen(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None)

    def tell(step: str, done: int, of: int) -> None:
        chinese, english = words[step]
        bar.update(task, description=said(chinese, english), completed=done, total=of)

    import threading

    late = threading.Timer(2.0, bar.start)
    late.daemon = True
    late.start()
    try:
        yield tell
    finally:
        late.cancel()
        bar.stop()
